#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input: request bodies, merges, imports, single words. Each target first replays its
# kept corpus in fuzz/corpus; libFuzzer then mutates those inputs. The first input that panics, hangs, takes too much
# memory or breaks a promise ends the run and is saved below target/fuzz/artifacts.
#
#   scripts/fuzz.sh                    run every target for 20 seconds, as CI does
#   scripts/fuzz.sh import 600         run one target for ten minutes
#   scripts/fuzz.sh import FILE        run one target on one input, to reproduce a failure
#   scripts/fuzz.sh --minimise import  add found inputs to the kept corpus: as few as reach the same coverage
#
# New inputs are collected below target/fuzz/corpus. The stable compiler suffices: it has the passes that count
# coverage. It lacks only the sanitizers, which find little in safe Rust.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
built=${CARGO_TARGET_DIR:-$here/target}/fuzz
case $built in /*) ;; *) built=$here/$built ;; esac
targets=(body merge import words)
# Limits: bytes of an input, seconds per input, memory. An input that exceeds one of the last two has found a fault.
limits=(-max_len=65536 -timeout=5 -rss_limit_mb=1024)

build() {
  local host flags
  host=$(rustc -vV | sed -n 's/^host: //p')
  flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
  flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
  flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
  # With an explicit --target, cargo does not apply RUSTFLAGS to build scripts and procedural macros.
  RUSTFLAGS=$flags CARGO_TARGET_DIR=$built cargo build --locked --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"
  programs=$built/$host/release
}

run() { # TARGET SECONDS SEED FOUND
  local artifacts=$built/artifacts/$1/
  mkdir -p "$4" "$artifacts"
  if ! "$programs/$1" "${limits[@]}" -max_total_time="$2" -seed="$3" -dict=fuzz/words.dict -artifact_prefix="$artifacts" \
    -print_final_stats=1 "$4" "fuzz/corpus/$1" >"$built/$1.log" 2>&1; then
    tail -n 60 "$built/$1.log"
    echo "$1 failed; its input is in $artifacts; run it alone with: scripts/fuzz.sh $1 FILE" >&2
    return 1
  fi
  echo "$1: $(grep DONE "$built/$1.log" | tail -n 1)"
}

# Keeps all hand-written inputs (they have names), and of the found inputs the hundred that add most coverage to them.
minimise() { # TARGET
  local kept=fuzz/corpus/$1 found=$built/found
  rm -rf "$found" && mkdir -p "$found" "$built/corpus/$1"
  found_ones "$kept" | xargs -r mv -t "$found"
  "$programs/$1" "${limits[@]}" -set_cover_merge=1 -use_counters=0 "$kept" "$found" "$built/corpus/$1" 2>&1 | tail -n 3
  # libFuzzer writes the inputs in the order of the coverage that they add.
  found_ones "$kept" | tail -n +101 | xargs -r rm
}

# Prints the inputs of a folder that libFuzzer found (it names them by hash), oldest first.
found_ones() { # FOLDER
  find "$1" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -printf '%T@ %p\n' | sort -n | cut -d' ' -f2
}

# Runs all targets, one per core at a time. Each starts from the kept corpus alone, with a fixed seed.
run_all() { # SECONDS
  local failed=0 name
  rm -rf "$built/brief"
  for name in "${targets[@]}"; do
    if [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; then wait -n || failed=1; fi
    run "$name" "$1" 1 "$built/brief/$name" &
  done
  for name in "${targets[@]}"; do wait -n || [ $? = 127 ] || failed=1; done
  return "$failed"
}

build
case ${1:-} in
  '') run_all 20 ;;
  --minimise) minimise "$2" ;;
  *) if [ -e "${2:-}" ]; then "$programs/$1" "${limits[@]}" "$2"; else run "$1" "${2:-60}" 0 "$built/corpus/$1"; fi ;;
esac
