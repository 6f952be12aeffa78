#!/usr/bin/env bash
# Checks the dependencies of the program and of the fuzz targets against the RustSec advisory database, which is a git
# repository on github.com.
#
#   scripts/audit.sh                 fails if the database cannot be fetched and no earlier copy is here
#   scripts/audit.sh --if-possible   then only says that nothing was checked
#
# Needs cargo-deny; scripts/test-deps.sh builds it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
export PATH=$PWD/$target/tools/bin:$PATH
case $target in /*) export PATH=$target/tools/bin:$PATH ;; esac
# git must not wait for a name and a password.
export GIT_TERMINAL_PROMPT=0

copy() { compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; }

if reason=$(timeout 120 cargo deny --locked fetch db 2>&1); then
  fetched=()
elif copy; then
  echo "the advisory database cannot be fetched, so an earlier copy is used: ${reason##*$'\n'}"
  fetched=(--disable-fetch)
elif [ "${1:-}" = --if-possible ]; then
  echo "NOT CHECKED: the advisory database cannot be fetched: ${reason##*$'\n'}"
  echo "    run \`make audit\` on a machine that reaches github.com"
  exit 0
else
  echo "the advisory database cannot be fetched: ${reason##*$'\n'}" >&2
  exit 1
fi

for manifest in Cargo.toml fuzz/Cargo.toml; do
  cargo deny --locked --manifest-path "$manifest" --config deny.toml check ${fetched[@]+"${fetched[@]}"} advisories
done
