#!/usr/bin/env bash
# Runs every check, cheapest first, and stops at the first failure. Prints how long each step took.
#
#   scripts/test.sh          run all steps (`make test`)
#   scripts/test.sh check    run only the steps that run no tests (`make check`)
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
export PATH=$PWD/$target/tools/bin:$PATH
case $target in /*) export PATH=$target/tools/bin:$PATH ;; esac

times=()
step() { # NAME COMMAND...
  local name=$1 from=$SECONDS
  shift
  printf '\n==> %s\n' "$name"
  if ! "$@"; then
    printf '\n==> FAILED: %s\n' "$name" >&2
    exit 1
  fi
  times+=("$(printf '%5d s  %s' $((SECONDS - from)) "$name")")
}

formatting() { cargo fmt --all --check && cargo fmt --check --manifest-path fuzz/Cargo.toml; }

shell_scripts() { shellcheck scripts/*.sh scripts/invariants/*.sh .ci/run; }

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet; }

doc_tests() {
  if grep -rqE '^\s*//[/!] ```' --include='*.rs' crates/*/src; then
    cargo test --doc --workspace --locked --quiet
  else
    echo "the documentation has no code examples"
  fi
}

nextest() {
  local profile=default
  if [ -n "${CI:-}" ]; then profile=ci; fi
  cargo nextest run --workspace --locked --profile "$profile"
}

# Runs `make demo` as a user does. Afterwards no process that it started may be alive: each inherits the variable
# `mark`.
demo() { # FRAMEWORK
  local mark=DEMO_MARK=$$.$RANDOM left
  env "$mark" "${MAKE:-make}" --no-print-directory demo DEMO_ARGS="--framework $1" </dev/null
  left=$(grep -lzxF -- "$mark" /proc/[0-9]*/environ 2>/dev/null || true)
  if [ -n "$left" ]; then
    echo "processes of the demo are still running:"
    for file in $left; do tr '\0' ' ' <"${file%environ}cmdline" 2>/dev/null && echo; done
    return 1
  fi
}

demo_pytorch() { TRAINYARD_PYTHON=/usr/bin/python3 demo pytorch; }
demo_mpi() { demo mpi; }

step "formatting" formatting
step "invariants" scripts/invariants.sh
step "invariants: the check itself" scripts/invariants.sh --self-test
step "build tools" scripts/need.sh python
step "test dependencies" scripts/test-deps.sh
step "shell scripts" shell_scripts
step "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "licences, bans, sources" cargo deny --locked --log-level error check bans licenses sources
step "security advisories" scripts/audit.sh --if-possible
if [ "${1:-}" != check ]; then
  step "fuzzing" scripts/fuzz.sh
  step "tests" nextest
  step "documentation" docs
  step "documentation: code examples" doc_tests
  step "responses against the OpenAPI document" scripts/schemathesis.sh
  step "demo with PyTorch" demo_pytorch
  step "demo with MPI" demo_mpi
fi

printf '\n==> all passed\n'
printf '%s\n' "${times[@]}"
