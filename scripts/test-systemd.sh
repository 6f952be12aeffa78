#!/usr/bin/env bash
# Tests packaging/trainyard.service under a real systemd (the host's) in an emulated machine that has only cgroup v2:
# jobs survive restarts and kills of the service. Takes about a minute; kernel and packages as for scripts/test-vm.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${CARGO_TARGET_DIR:-target}/test-vm
mkdir -p "$work"
# shellcheck source=scripts/vm.sh
. scripts/vm.sh

vm_needs <<'PROGRAMS'
qemu-system-x86_64|qemu-system-x86
cpio|cpio
/lib/systemd/systemd|systemd
PROGRAMS
vm_kernel
cargo build --locked --quiet --package trainyard

rm -rf "$root"
mkdir -p "$root"/{dev,proc,sys,tmp,run,root,var/lib,var/log,etc/systemd/system,etc/default,usr/bin,usr/sbin,usr/lib,usr/lib64}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
cp -a /usr/lib/systemd "$root/usr/lib/"
rm -rf "$root"/usr/lib/systemd/{system-generators,catalog}
for name in systemd systemd-journald systemd-executor; do vm_libraries "/usr/lib/systemd/$name"; done
for name in systemctl journalctl bash sh sleep cat rm ls env setsid grep pgrep id tr; do vm_put "$(command -v "$name")"; done
vm_put "${CARGO_TARGET_DIR:-target}/debug/trainyard" /usr/local/bin/trainyard
cp packaging/trainyard.service "$root/etc/systemd/system/"
cp scripts/test-systemd-init.sh "$root/trial.sh"
cp -L /usr/lib/x86_64-linux-gnu/libnss_files* "$root/usr/lib/x86_64-linux-gnu/" 2>/dev/null || true
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
echo 'passwd: files' >"$root/etc/nsswitch.conf"
echo 'ID=trial' >"$root/etc/os-release"
printf '%s\n' '[[centre]]' 'id = 1' 'name = "x"' 'engine = "local"' 'runtime = "process"' 'run_as = "nobody"' \
  >"$root/etc/trainyard.toml"
cat >"$root/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=trainyard.service
[Service]
Type=oneshot
ExecStart=/bin/bash /trial.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity
UNIT
cat >"$root/etc/systemd/system/trial.target" <<'UNIT'
[Unit]
Requires=trainyard.service trial.service systemd-journald.service
AllowIsolate=yes
DefaultDependencies=no
UNIT
ln -s /usr/lib/systemd/systemd "$root/init"

# Half of the memory is the machine's disk, and the server keeps 1 GB of it free.
vm_run 600 4500 systemd.unit=trial.target systemd.unified_cgroup_hierarchy=1 systemd.show_status=0
grep '^trial:' "$work/log" || true
if grep -qx 'trial: passed' "$work/log"; then echo "test-systemd: passed"; else
  echo "test-systemd: FAILED; see $work/log"
  exit 1
fi
