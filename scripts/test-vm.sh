#!/usr/bin/env bash
# Runs the engine's tests of control groups in an emulated machine (QEMU with Debian's kernel) that has only cgroup v2.
# Takes one to five minutes.
#
#   scripts/test-vm.sh                            as root on Debian: install and download what is missing
#   TRAINYARD_VM_KERNEL=FILE scripts/test-vm.sh   use this kernel (version 5.14 or later)
set -euo pipefail
cd "$(dirname "$0")/.."
work=${CARGO_TARGET_DIR:-target}/test-vm
mkdir -p "$work"
# shellcheck source=scripts/vm.sh
. scripts/vm.sh

vm_needs <<'PROGRAMS'
qemu-system-x86_64|qemu-system-x86
cpio|cpio
setfattr|attr
busybox|busybox-static
PROGRAMS
vm_kernel

tests=$(cargo test --locked --quiet --package trainyard-engine --test engine --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/engine-[^"]*\)".*/\1/p' | tail -n1)
shim=$(dirname "$(dirname "$tests")")/trainyard-shim-for-tests

rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib64,etc}
vm_put "$tests"
vm_put "$shim"
# The jobs of the tests use the host's own programs; only booting and powering off use busybox.
for name in sh sleep cat mv touch mkdir rm ls tr head tail wc env setsid grep setfattr chmod; do
  vm_put "$(command -v "$name")"
done
for name in "$root"/usr/bin/*; do ln -sf "/usr/bin/$(basename "$name")" "$root/bin/"; done
cp "$(command -v busybox)" "$root/bin/busybox"
cp scripts/test-vm-init.sh "$root/init"
chmod +x "$root/init"
echo "TESTS=$tests" >"$root/etc/tests"

vm_run 900 1536
grep -E '^(vm:|failures:|    [a-z_]+::|.*panicked|.*skipped: )' "$work/log" || true
if grep -qx 'vm: passed' "$work/log"; then echo "test-vm: passed"; else
  echo "test-vm: FAILED; see $work/log"
  exit 1
fi
