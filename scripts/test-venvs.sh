#!/usr/bin/env bash
# Creates the pinned virtual environments of the tests below target/venvs, each once. The folder's name holds a hash of
# the requirements and of the Python version; the file `whole`, written last, marks the environment as complete. The
# script prints TRAINYARD_TEST_VENV_<NAME>=<folder> for each. Before the framework tests cargo-nextest runs it by itself
# (.config/nextest.toml) and passes these lines to the tests as variables.
#
#   scripts/test-venvs.sh                  create those of the framework tests: digits-mpi tensorflow deepspeed
#   scripts/test-venvs.sh schemathesis     create the named ones
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
place=${CARGO_TARGET_DIR:-$here/target}/venvs

# The pins are for Python 3.11. /usr/bin/python3 is the one that has Debian's torch.
python=/usr/bin/python3

create_venv() { # NAME [VENV_OPTION [PIP_OPTION]]
  local name=$1 requirements=$here/examples/requirements/$1.txt key dir variable
  if [ "$name" = schemathesis ]; then requirements=$here/scripts/schemathesis/requirements.txt; fi
  key=$({ cat "$requirements" && "$python" -VV; } | sha256sum | cut -c1-12)
  dir=$place/$name-$key
  (
    flock 9 # of two concurrent runs the second waits, then finds the folder complete
    if [ ! -e "$dir/whole" ]; then
      echo "creating $dir" >&2
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
    deepspeed) create_venv deepspeed --system-site-packages --no-deps ;;
    *) create_venv "$name" ;;
  esac
done
