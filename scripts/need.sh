#!/bin/sh
# Says what building and trying Trainyard needs and this machine lacks, each with the command that installs it.
#
#   scripts/need.sh              what `make build` needs: Rust, a C linker
#   scripts/need.sh python       and Python 3.9 or newer with venv, for `make demo`
set -u
lacking=0

lacks() { # WHAT, on Debian or Ubuntu, elsewhere
  lacking=1
  printf 'missing: %s\n    Debian, Ubuntu: %s\n    elsewhere:      %s\n' "$1" "$2" "$3" >&2
}

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
rustup="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
if ! command -v cargo >/dev/null || ! rust_found=$(rustc --version 2>/dev/null | cut -d' ' -f2); then
  lacks "Rust $rust_wanted or newer (rustc and cargo)" "apt install curl && $rustup" "$rustup"
elif [ "$(printf '%s\n%s\n' "$rust_wanted" "${rust_found%%-*}" | sort -V | head -n1)" != "$rust_wanted" ]; then
  lacks "Rust $rust_wanted or newer (this is $rust_found)" "rustup update stable" "rustup update stable, or $rustup"
fi

if ! command -v cc >/dev/null; then
  lacks "a C compiler and linker (cc)" "apt install build-essential" "install gcc or clang, with the C library's headers"
fi

# The same candidates, in the same order, that `trainyard demo` tries.
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
      "install Python from your distribution or python.org, and name it by TRAINYARD_PYTHON if it is not on PATH"
    ;;
esac

exit "$lacking"
