#!/usr/bin/env bash
# What the tests need beside Rust: Debian packages and two cargo tools. As root on Debian they are installed; otherwise
# the missing ones are named and this fails. Costs a fraction of a second when nothing is missing.
#
#   scripts/test-deps.sh           everything
#   scripts/test-deps.sh cargo     the cargo tools alone
set -euo pipefail

# What proves that it is there | the package that brings it. Python modules are those of /usr/bin/python3: the tests
# name that one, whatever `python3` on PATH may be.
packages() {
  cat <<'EOF'
cc|build-essential
curl|curl
shellcheck|shellcheck
file:/usr/lib/*/faketime/libfaketimeMT.so.1|faketime
node|nodejs
/usr/bin/python3|python3
module:venv,ensurepip|python3-venv
module:requests|python3-requests
module:torch|python3-torch
module:sklearn|python3-sklearn
module:mpi4py|python3-mpi4py
mpirun|openmpi-bin
/usr/sbin/munged|munge
/usr/sbin/slurmctld|slurmctld
/usr/sbin/slurmd|slurmd
sbatch|slurm-client
file:/usr/lib/*/slurm-wlm/auth_munge.so|slurm-wlm-basic-plugins
EOF
}

is_there() {
  case $1 in
    module:*) /usr/bin/python3 -c "
import sys; from importlib.util import find_spec
sys.exit(not all(find_spec(name) for name in '${1#module:}'.split(',')))" 2>/dev/null ;;
    file:*) compgen -G "${1#file:}" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

system_packages() {
  local proof package missing=()
  while IFS='|' read -r proof package; do
    is_there "$proof" || missing+=("$package")
  done < <(packages)
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing for the tests: ${missing[*]}" >&2
    echo "    Debian, Ubuntu: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "installing for the tests: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# Built from crates.io into the build folder, where a second run finds them: nothing of the user's is touched.
cargo_tool() { # NAME VERSION
  local root=${CARGO_TARGET_DIR:-target}/tools
  if command -v "$1" >/dev/null || [ -x "$root/bin/$1" ]; then return; fi
  echo "building $1 $2 (once)"
  # Not optimised: it runs for a second, and optimising it takes minutes on two cores.
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$root/build cargo install --quiet --locked --debug --root "$root" "$1" --version "$2"
  rm -rf "$root/build"
}

if [ "${1:-}" != cargo ]; then system_packages; fi
cargo_tool cargo-deny 0.20.2
cargo_tool cargo-nextest 0.9.143
