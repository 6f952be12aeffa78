#!/usr/bin/env bash
# Runs the engine's tests of control groups in a machine that has version 2 alone: QEMU, emulated, with Debian's kernel.
# Needs no KVM and no disk image: the tests and what they run lie in the machine's first file system. One to five minutes.
#
#   scripts/test-vm.sh                         as root on Debian what is missing is installed and downloaded
#   TRAINYARD_VM_KERNEL=FILE scripts/test-vm.sh   with a kernel of your own (version 5.14 or later)
set -euo pipefail
cd "$(dirname "$0")/.."
work=${CARGO_TARGET_DIR:-target}/test-vm
limit=900
mkdir -p "$work"

# Program | package
missing=()
while IFS='|' read -r program package; do
  command -v "$program" >/dev/null || missing+=("$package")
done <<'PROGRAMS'
qemu-system-x86_64|qemu-system-x86
cpio|cpio
setfattr|attr
busybox|busybox-static
PROGRAMS
if [ ${#missing[@]} -gt 0 ]; then
  echo "test-vm: needs ${missing[*]}"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 1; fi
  apt-get install -y --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 || { tail "$work/apt.log"; exit 1; }
fi

kernel=${TRAINYARD_VM_KERNEL:-}
if [ -z "$kernel" ]; then
  kernel=$(find "$work" -name 'vmlinuz-*' | sort -V | tail -n1)
fi
if [ -z "$kernel" ]; then
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n1)
  (cd "$work" && apt-get download "$package" >/dev/null 2>&1) ||
    { echo "test-vm: no kernel; name one by TRAINYARD_VM_KERNEL"; exit 1; }
  dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb | tar -xf - -C "$work" --wildcards './boot/vmlinuz-*'
  rm "$work"/linux-image-*.deb
  kernel=$(find "$work" -name 'vmlinuz-*' | sort -V | tail -n1)
fi

tests=$(cargo test --locked --quiet --package trainyard-engine --test engine --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/engine-[^"]*\)".*/\1/p' | tail -n1)
shim=$(dirname "$(dirname "$tests")")/trainyard-shim-for-tests

root=$work/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,tmp,lib64,etc}

# Puts a program where it lies here, with the libraries it needs.
put() {
  local file=$1 library
  mkdir -p "$root$(dirname "$file")"
  strip -o "$root$file" "$file" 2>/dev/null || cp -L "$file" "$root$file"
  ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    [ -e "$root$library" ] || cp -L "$library" "$root$library"
  done
}

put "$tests"
put "$shim"
# The real ones, as the jobs of the tests use them; the machine's own beginning and end are busybox's.
for name in sh sleep cat mv touch mkdir rm ls tr head tail wc env setsid grep setfattr chmod; do
  put "$(command -v "$name")"
done
for name in "$root"/usr/bin/*; do ln -sf "/usr/bin/$(basename "$name")" "$root/bin/"; done
cp "$(command -v busybox)" "$root/bin/busybox"
cp scripts/test-vm-init.sh "$root/init"
chmod +x "$root/init"
echo "TESTS=$tests" >"$root/etc/tests"
(cd "$root" && find . -print0 | cpio --null --create --format=newc --quiet) | gzip -1 >"$work/initramfs"

echo "test-vm: $(basename "$kernel"), $(du -h "$work/initramfs" | cut -f1) to boot; log in $work/log"
timeout "$limit" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1536 -nographic -no-reboot -nic none \
  -kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 panic=-1 quiet" </dev/null >"$work/log" 2>&1 ||
  echo "test-vm: the machine was ended after $limit s"
tr -d '\r' <"$work/log" | grep -E '^(vm:|failures:|    [a-z_]+::|.*panicked|.*skipped: )' || true
if tr -d '\r' <"$work/log" | grep -qx 'vm: passed'; then echo "test-vm: passed"; else
  echo "test-vm: FAILED; see $work/log"
  exit 1
fi
