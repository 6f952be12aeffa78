#!/bin/sh
# Checks that this machine has the tools to build and try Trainyard; prints the install command of each missing one.
#
#   scripts/need.sh              check the needs of `make build`: Rust, a C linker
#   scripts/need.sh python       check those of `make demo` too: Python 3.9 or newer with venv
set -u
lacking=0

lacks() { # TOOL DEBIAN_OR_UBUNTU_COMMAND OTHER_COMMAND
  lacking=1
  printf 'missing: %s\n    Debian, Ubuntu: %s\n    elsewhere:      %s\n' "$1" "$2" "$3" >&2
}

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
rustup="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
if ! command -v cargo >/dev/null || ! rust_found=$(rustc --version 2>/dev/null); then
  lacks "Rust $rust_wanted or newer (rustc and cargo)" "apt install curl && $rustup" "$rustup"
elif rust_found=$(printf '%s' "$rust_found" | cut -d' ' -f2)
  [ "$(printf '%s\n%s\n' "$rust_wanted" "${rust_found%%-*}" | sort -V | head -n1)" != "$rust_wanted" ]; then
  lacks "Rust $rust_wanted or newer (found $rust_found)" "rustup update stable" "rustup update stable, or $rustup"
fi

if ! command -v cc >/dev/null; then
  lacks "a C compiler and linker (cc)" "apt install build-essential" "install gcc or clang, with the C library's headers"
fi

# Tries the same candidates in the same order as `trainyard demo`.
has_python() {
  for python in "${TRAINYARD_PYTHON:-}" python3 /usr/bin/python3; do
    [ -n "$python" ] || continue
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && return 0
  done
  return 1
}
case " $* " in
  *" python "*)
    has_python || lacks "Python 3.9 or newer with venv" "apt install python3 python3-venv" \
      "install Python from your distribution or python.org; if it is not on PATH, set TRAINYARD_PYTHON to its path"
    ;;
esac

exit "$lacking"
