#!/usr/bin/env bash
# Makes the pinned virtual environments of the tests below target/venvs, each once: the folder's name carries a hash of
# its requirements and of the Python it is for, and the file `whole` in it, written last, says that it is complete.
# Prints one line TRAINYARD_TEST_VENV_<NAME>=<folder> for each. Cargo-nextest runs this by itself before the framework
# tests (.config/nextest.toml) and hands the lines to them as variables.
#
#   scripts/test-venvs.sh                  those of the framework tests: digits-mpi tensorflow deepspeed
#   scripts/test-venvs.sh schemathesis     one (or some)
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$here/target}/venvs

# Python 3.11 is what the pins are for; the one with Debian's torch is /usr/bin/python3.
python=/usr/bin/python3

make_venv() { # NAME [pip's and venv's options]
  local name=$1 requirements=$here/examples/requirements/$1.txt key dir variable
  if [ "$name" = schemathesis ]; then requirements=$here/scripts/schemathesis/requirements.txt; fi
  key=$({ cat "$requirements" && "$python" -VV; } | sha256sum | cut -c1-12)
  dir=$place/$name-$key
  (
    flock 9 # two runs at once: the second waits and finds it made
    if [ ! -e "$dir/whole" ]; then
      echo "making $dir" >&2
      rm -rf "$place/$name"-*/
      "$python" -m venv ${2:+"$2"} "$dir"
      "$dir/bin/pip" install --quiet --no-input --disable-pip-version-check --no-cache-dir ${3:+"$3"} \
        --requirement "$requirements" </dev/null >&2
      touch "$dir/whole"
    fi
  ) 9>"$place/$name.lock"
  variable=TRAINYARD_TEST_VENV_$(tr 'a-z-' 'A-Z_' <<<"$name")
  echo "$variable=$dir" | tee -a "${NEXTEST_ENV:-/dev/null}"
}

mkdir -p "$place"
if [ $# = 0 ]; then set -- digits-mpi tensorflow deepspeed; fi
for name in "$@"; do
  case $name in
    deepspeed) make_venv deepspeed --system-site-packages --no-deps ;;
    *) make_venv "$name" ;;
  esac
done
