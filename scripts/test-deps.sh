#!/usr/bin/env bash
# Installs what the tests need beside Rust: Debian packages and two cargo tools. Only root on Debian can install
# packages; otherwise the script lists the missing ones and fails. With nothing missing it takes a fraction of a second.
#
#   scripts/test-deps.sh           packages and cargo tools
#   scripts/test-deps.sh cargo     cargo tools only
set -euo pipefail

# Evidence that the package is installed | the package. Python modules must belong to /usr/bin/python3, which the tests
# use whatever `python3` on PATH is.
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

is_installed() {
  case $1 in
    module:*) /usr/bin/python3 -c "
import sys; from importlib.util import find_spec
sys.exit(not all(find_spec(name) for name in '${1#module:}'.split(',')))" 2>/dev/null ;;
    file:*) compgen -G "${1#file:}" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

system_packages() {
  local evidence package missing=()
  while IFS='|' read -r evidence package; do
    is_installed "$evidence" || missing+=("$package")
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

# Builds a tool from crates.io into the build folder, where the next run finds it. The user's own cargo tools stay
# unchanged.
cargo_tool() { # NAME VERSION
  local root=${CARGO_TARGET_DIR:-target}/tools
  if command -v "$1" >/dev/null || [ -x "$root/bin/$1" ]; then return; fi
  echo "building $1 $2 (once)"
  # Not optimised: the tool runs for a second, and an optimised build takes minutes on two cores.
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$root/build cargo install --quiet --locked --debug --root "$root" "$1" --version "$2"
  rm -rf "$root/build"
}

if [ "${1:-}" != cargo ]; then system_packages; fi
cargo_tool cargo-deny 0.20.2
cargo_tool cargo-nextest 0.9.143
