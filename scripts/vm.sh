# shellcheck shell=bash
# An emulated machine, for tests that need other control groups or another init process than this host has. A script
# that sources this file runs in the repository's root and sets `work` to a directory of its own first. Needs no KVM and
# no disk image: programs of this host are copied into the machine's initramfs.

root=${work:?}/root

# Installs missing programs. Reads lines PROGRAM|PACKAGE from standard input.
vm_needs() {
  local missing=() program package
  while IFS='|' read -r program package; do
    command -v "$program" >/dev/null || [ -e "$program" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "vm: missing packages: ${missing[*]}"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then return 1; fi
  apt-get install -y --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 || { tail "$work/apt.log"; return 1; }
}

# Sets `kernel` to the file that TRAINYARD_VM_KERNEL names, or else to Debian's kernel, downloaded once.
vm_kernel() {
  local package
  kernel=${TRAINYARD_VM_KERNEL:-}
  [ -z "$kernel" ] || return 0
  kernel=$(find "$work" -name 'vmlinuz-*' | sort -V | tail -n1)
  [ -z "$kernel" ] || return 0
  package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n1)
  (cd "$work" && apt-get download "$package" >/dev/null 2>&1) ||
    { echo "vm: cannot download $package; set TRAINYARD_VM_KERNEL to a kernel file"; return 1; }
  dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb | tar -xf - -C "$work" --wildcards './boot/vmlinuz-*'
  rm "$work"/linux-image-*.deb
  kernel=$(find "$work" -name 'vmlinuz-*' | sort -V | tail -n1)
}

# Copies a program of this host and its libraries into the machine, to the same path or to NAME.
vm_put() { # FILE [NAME]
  local file=$1 name=${2:-$1} library
  mkdir -p "$root$(dirname "$name")"
  strip -o "$root$name" "$file" 2>/dev/null || cp -L "$file" "$root$name"
  vm_libraries "$file"
}

vm_libraries() { # FILE
  local library
  { ldd "$1" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    [ -e "$root$library" ] || cp -L "$library" "$root$library"
  done
}

# Boots the machine with the files below `root` and writes its console output to `$work/log`.
vm_run() { # SECONDS MEGABYTES [PARAMETER...]
  local limit=$1 memory=$2
  shift 2
  (cd "$root" && find . -print0 | cpio --null --create --format=newc --quiet) | gzip -1 >"$work/initramfs"
  echo "vm: $(basename "$kernel"), $(du -h "$work/initramfs" | cut -f1) to boot; log in $work/log"
  timeout "$limit" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m "$memory" -nographic -no-reboot -nic none \
    -kernel "$kernel" -initrd "$work/initramfs" -append "console=ttyS0 panic=-1 quiet $*" </dev/null >"$work/log.raw" 2>&1 ||
    echo "vm: the machine did not power off within $limit s and was killed"
  tr -d '\r' <"$work/log.raw" >"$work/log"
}
