#!/usr/bin/env bash
# Checks those invariants of ARCHITECTURE.md that forbid something: a dependency, a call, a name, a wording. Prints each
# violation as file:line, the rule, and what to do about it. Needs bash, grep, awk and find; builds nothing.
#
#   scripts/invariants.sh              check this repository
#   scripts/invariants.sh DIR          check another tree
#   scripts/invariants.sh --self-test  plant violations of each rule in small trees and check that each is found
#   scripts/invariants.sh --pairs      list the modules that use each other, in every crate
#   scripts/invariants.sh --words      list every line that the wording rules count, and the shares
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
programs=$here/scripts/invariants
# shellcheck source=/dev/null
. "$programs/modules.sh"
# shellcheck source=/dev/null
. "$programs/files.sh"
# shellcheck source=/dev/null
. "$programs/words.sh"

main() {
  cd "$1"
  found=0
  arrows
  some_crates_are_pure
  sql_lives_in_store
  processes_start_in_engine
  layers_inside_crates
  unsafe_code
  names
  lengths
  layers_between_modules
  small_files
  module_files
  words
  replaced_names
  if [ "$found" -gt 0 ]; then
    echo "invariants: $found violated"
    return 1
  fi
  echo "invariants: all hold"
}

# Prints the crates that a crate may depend on. `it` holds the tests of the whole system and may use all.
allowed() {
  case $1 in
    api | domain) echo "" ;;
    store | engine | exchange) echo "domain" ;;
    server) echo "store engine exchange domain api" ;;
    cli) echo "server api engine exchange domain" ;;
    bench) echo "api domain" ;;
    it) echo "api cli domain engine exchange server store" ;;
    *) echo "" ;;
  esac
}

arrows() {
  local manifest crate line name
  for manifest in crates/*/Cargo.toml; do
    crate=$(basename "$(dirname "$manifest")")
    while IFS=: read -r line name; do
      case " $(allowed "$crate") " in
        *" $name "*) ;;
        *) violated "$manifest:$line" "crate \`$crate\` must not depend on \`$name\`" \
          "reverse the dependency: let the crate above pass in what is needed, as data or as a trait" ;;
      esac
    done < <(own_dependencies "$manifest")
  done
}

# Prints line:crate for every dependency on a crate of this workspace, in dependency tables of every kind.
own_dependencies() {
  awk '/^\[/ { deps = ($0 ~ /dependencies/) }
       deps && /^trainyard(-[a-z]+)?[ .=]/ {
         name = $1; sub(/[.=].*/, "", name); sub(/^trainyard-/, "", name)
         if (name == "trainyard") name = "cli"
         print NR ":" name
       }' "$1"
}

# Tests in crates/exchange/tests run generated scripts; the crate's own code starts nothing.
some_crates_are_pure() {
  local crate
  for crate in domain exchange; do
    forbid '^(tokio|sqlx|axum|reqwest|hyper|rusqlite|getrandom|rand)[a-z_-]*[ .=]' "crates/$crate/Cargo.toml" '' \
      "$crate uses no runtime, no database, no HTTP, no randomness" "do it in server, store or engine, and pass the result in"
    forbid '(SystemTime|Instant|Timestamp|Zoned)::now' "crates/$crate/src" '' \
      "$crate never reads a clock" "take the time as an argument"
    forbid '\basync (fn|move|\{)|\.await\b|std::(fs|net|process|thread)::|std::env::(var|vars|args)' "crates/$crate/src" '' \
      "$crate has no IO and nothing async" "return the decision as data and let server or engine act"
  done
}

sql_lives_in_store() {
  forbid '\b(SELECT|INSERT INTO|DELETE FROM) |\bUPDATE [a-z_]+ SET\b|\brusqlite::' crates '^crates/store/' \
    "SQL text is allowed only in crates/store and migrations" "add a function to crates/store and call it"
}

processes_start_in_engine() {
  forbid '\b(std|tokio)::process::(\{.*)?Command|[^:]\bCommand::new\(|\bposix_spawn|\bfork\(\)' crates \
    '^crates/(engine|it|bench)/|^crates/cli/src/demo|^crates/cli/src/(edit|editor)\.rs|/tests?/|_?tests?\.rs:' \
    "processes are started only in crates/engine (and by the demo, the benchmark and tests)" "add a method to the engine and call it"
}

layers_inside_crates() {
  # A handler may use those types of the store that only carry data: filters, pages, rows.
  forbid '\.(store|engine)\b|\btrainyard_engine::|\btrainyard_store::(Store\b|\{[^}]*\bStore\b)' crates/server/src/http \
    '/tests?/|_?tests?\.rs:' \
    "a handler calls use cases, neither store nor engine" "add a use case to crates/server/src and call it"
  forbid '\btrainyard_store::' crates/cli/src '' \
    "the command line talks through the typed client" "use trainyard_api::client"
  forbid '\btrainyard_engine::' crates/cli/src '^crates/cli/src/(main|lib|shim)\.rs:' \
    "the command line uses the engine only to start the shim" "use trainyard_api::client"
}

unsafe_code() {
  forbid '\bunsafe (\{|fn|impl|extern|trait)|\(unsafe_code\b' crates '^crates/engine/src/local/shim/clone\.rs:' \
    "only crates/engine/src/local/shim/clone.rs may contain unsafe code" "use a safe wrapper: rustix, nix, the standard library"
}

names() {
  local path
  while IFS= read -r path; do
    violated "$path:1" "no file or folder is called utils, common, helpers or manager" "name it after the one idea in it"
  done < <(find crates scripts examples -name target -prune -o \
    -regextype posix-extended -iregex '.*/([a-z0-9_-]+[_-])?(utils?|common|helpers?|managers?)(\.[a-z]+)?' -print)
  forbid '\b(mod|struct|enum|trait|type) ([A-Za-z_]*(Utils?|Helpers?|Managers?)|([a-z0-9_]+_)?(utils?|common|helpers?|managers?))\b' crates '' \
    "no module or type is called utils, common, helper or manager" "name it after what it is or does"
}

# forbid REGEX PLACE EXCEPTIONS RULE REMEDY: no line below PLACE may match REGEX, except in comments and except where
# path and line match EXCEPTIONS.
forbid() {
  local hit except=${3:-^$}
  while IFS= read -r hit; do
    violated "$(cut -d: -f1,2 <<<"$hit")" "$4" "$5"
  done < <(grep -rHnE --include='*.rs' --include='*.toml' -- "$1" "$2" 2>/dev/null |
    grep -vE '^[^:]+:[0-9]+:[[:space:]]*(//|#[^!\[])' | grep -vE -- "$except")
}

violated() {
  found=$((found + 1))
  printf '%s: %s\n    -> %s\n' "$1" "$2" "$3"
}

# One violation per line: the file to plant it in, the text, and words of the report that must name it; `-` expects
# none.
plants() {
  modules_plants
  files_plants
  words_plants
  cat <<'PLANTS'
crates/domain/Cargo.toml|[dependencies.x]\ntrainyard-store = "1"|must not depend on
crates/api/Cargo.toml|[dev-dependencies.x]\ntrainyard-domain.workspace = true|must not depend on
crates/engine/Cargo.toml|[build-dependencies]\ntrainyard.workspace = true|must not depend on
crates/domain/Cargo.toml|tokio = "1"|no runtime
crates/exchange/Cargo.toml|rusqlite = "1"|no runtime
crates/domain/src/planted.rs|fn f() { Timestamp::now(); }|never reads a clock
crates/domain/src/planted.rs|async fn f() {}|nothing async
crates/domain/src/planted.rs|fn f() { std::fs::read("x"); }|no IO
crates/exchange/src/planted.rs|fn f() { std::fs::read("x"); }|no IO
crates/exchange/src/planted.rs|fn f() { Instant::now(); }|never reads a clock
crates/exchange/Cargo.toml|[dependencies]\ntrainyard-api.workspace = true|must not depend on
crates/server/src/planted.rs|const Q: &str = "SELECT 1";|SQL text
crates/it/tests/it/planted.rs|const Q: &str = "UPDATE jobs SET a = 1";|SQL text
crates/server/src/planted.rs|use tokio::process::Command;|processes are started
crates/cli/src/planted.rs|fn f() { Command::new("sh"); }|processes are started
crates/server/src/http/planted.rs|use trainyard_store::{Page, Store};|a handler calls use cases
crates/server/src/http/planted.rs|fn f() { app.store.job(1); }|a handler calls use cases
crates/cli/src/planted.rs|use trainyard_store::Store;|typed client
crates/cli/src/planted.rs|use trainyard_engine::Engine;|only to start the shim
crates/server/src/planted.rs|fn f() { unsafe { g() } }|may contain unsafe code
crates/server/src/utils.rs||no file or folder
crates/server/src/job_manager.rs||no file or folder
crates/store/src/planted.rs|pub struct JobManager;|no module or type
crates/store/src/planted.rs|mod helpers;|no module or type
PLANTS
}

self_test() {
  local file text expected tree failed=0 count=0
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  while IFS='|' read -r file text expected; do
    count=$((count + 1))
    tree=$(tree_without "$file" "$expected")
    mkdir -p "$(dirname "$tree/$file")"
    plant "$text" "$file" >>"$tree/$file"
    printf '%s|%s|%s\n' "$file" "$expected" "$text" >>"$tree.planted"
  done < <(plants)
  for tree in "$work"/*.planted; do
    judge_tree "${tree%.planted}" || failed=1
  done
  if [ "$failed" = 0 ]; then echo "self-test: all $count planted texts judged right"; fi
  return "$failed"
}

# Names a tree in which nothing is planted in FILE yet; violations and allowed texts are never in one tree.
tree_without() { # FILE EXPECTED
  local tree kind=violations n=1
  if [ "$2" = - ]; then kind=allowed; fi
  tree=$work/$kind
  while grep -qsF -- "$1|" "$tree$n.planted"; do n=$((n + 1)); done
  if [ ! -e "$tree$n" ]; then lay_out "$tree$n"; fi
  echo "$tree$n"
}

judge_tree() { # DIR
  local file expected text out failed=0
  out=$(main "$1" || true)
  while IFS='|' read -r file expected text; do
    if [ "$expected" = - ]; then
      if grep -F -- "$file:" <<<"$out"; then echo "self-test: reported although allowed: $file: $text" && failed=1; fi
    elif ! grep -F -- "$file:" <<<"$out" | grep -qF -- "$expected"; then
      echo "self-test: not found: $file: $text ($expected)" && failed=1
    fi
  done <"$1.planted"
  return "$failed"
}

# A tree that violates nothing. In each crate the module `below` uses `planted`.
lay_out() { # DIR
  local crate
  mkdir -p "$1"/{scripts,examples,docs,fuzz/targets}
  for crate in api bench cli domain engine exchange it server store; do
    mkdir -p "$1/crates/$crate/src"
    touch "$1/crates/$crate/Cargo.toml"
    plant 'use crate::planted::X;\nmacro_rules! below {}' below.rs >"$1/crates/$crate/src/below.rs"
    echo 'use below::{Y, Z};' >"$1/crates/$crate/src/lib.rs"
  done
}

# Prints the text, made as long as a source file must be.
plant() { # TEXT FILE
  case $1 in
    LONG) printf '\n%.0s' {1..401} ;;
    SHORT) echo 'fn f() {}' ;;
    RARE) printf '// This is one sentence of many.\n%.0s' {1..200} && echo '// The server asks nobody here.' ;;
    *)
      printf '%b\n' "$1"
      case $2 in *.rs) printf '\n%.0s' {1..40} ;; esac
      ;;
  esac
}

case ${1:-} in
  --self-test) self_test ;;
  --pairs) cd "${2:-$here}" && show_pairs ;;
  --words) cd "${2:-$here}" && show_words ;;
  *) main "${1:-$here}" ;;
esac
