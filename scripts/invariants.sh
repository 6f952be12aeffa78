#!/usr/bin/env bash
# Checks the invariants of ARCHITECTURE.md that are absences: what must not stand where. Each violation is printed as
# file:line, the rule, and what to do about it. Needs bash, grep, awk and find; builds nothing.
#
#   scripts/invariants.sh              checks this repository
#   scripts/invariants.sh DIR          checks another tree
#   scripts/invariants.sh --self-test  plants one violation of each rule in copies and checks that each is found
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

main() {
  cd "$1"
  found=0
  arrows
  domain_is_pure
  sql_lives_in_store
  processes_start_in_engine
  layers_inside_crates
  what_the_compiler_cannot_check
  names
  lengths
  if [ "$found" -gt 0 ]; then
    echo "invariants: $found violated"
    return 1
  fi
  echo "invariants: all hold"
}

# Who may depend on whom; `it` holds the tests of the whole and may use all.
allowed() {
  case $1 in
    api | domain) echo "" ;;
    store | engine) echo "domain" ;;
    server) echo "store engine domain api" ;;
    cli) echo "server api engine domain" ;;
    bench) echo "api domain" ;;
    it) echo "api cli domain engine server store" ;;
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
          "turn the arrow round: let the crate above hand in what is needed, as data or as a trait" ;;
      esac
    done < <(own_dependencies "$manifest")
  done
}

# line:crate for every dependency on a crate of ours, in dependency tables of every kind.
own_dependencies() {
  awk '/^\[/ { deps = ($0 ~ /dependencies/) }
       deps && /^trainyard(-[a-z]+)?[ .=]/ {
         name = $1; sub(/[.=].*/, "", name); sub(/^trainyard-/, "", name)
         if (name == "trainyard") name = "cli"
         print NR ":" name
       }' "$1"
}

domain_is_pure() {
  forbid '^(tokio|sqlx|axum|reqwest|hyper|rusqlite|getrandom|rand)[a-z_-]*[ .=]' crates/domain/Cargo.toml '' \
    "domain knows no runtime, no database, no HTTP, no chance" "do it in server, store or engine, and hand the outcome in"
  forbid '(SystemTime|Instant|Timestamp|Zoned)::now' crates/domain/src '' \
    "domain never asks the time" "take the time as an argument"
  forbid '\basync (fn|move|\{)|\.await\b|std::(fs|net|process|thread)::|std::env::(var|vars|args)' crates/domain/src '' \
    "domain has no IO and nothing async" "return the decision as data and let server or engine act"
}

sql_lives_in_store() {
  forbid '\b(SELECT|INSERT INTO|DELETE FROM) |\bUPDATE [a-z_]+ SET\b|\bsqlx::' crates '^crates/store/' \
    "SQL text stands only in crates/store and migrations" "add a function to crates/store and call that"
}

processes_start_in_engine() {
  forbid '\b(std|tokio)::process::(\{.*)?Command|[^:]\bCommand::new\(|\bposix_spawn|\bfork\(\)' crates \
    '^crates/(engine|it|bench)/|^crates/cli/src/demo|^crates/cli/src/(edit|editor)\.rs|/tests?/|_?tests?\.rs:' \
    "processes are started only in crates/engine (and by the demo, the benchmark and tests)" "add a verb to the engine and call that"
}

layers_inside_crates() {
  # Types of the store that only carry data (filters, pages, rows) are welcome in a handler.
  forbid '\.(store|engine)\b|\btrainyard_engine::|\btrainyard_store::(Store\b|\{[^}]*\bStore\b)' crates/server/src/http \
    '/tests?/|_?tests?\.rs:' \
    "a handler calls use cases, neither store nor engine" "add a use case to crates/server/src and call that"
  forbid '\btrainyard_store::' crates/cli/src '' \
    "the command line talks through the typed client" "use trainyard_api::client"
  forbid '\btrainyard_engine::' crates/cli/src '^crates/cli/src/(main|lib|shim)\.rs:' \
    "the command line uses the engine only as the way in to the shim" "use trainyard_api::client"
}

what_the_compiler_cannot_check() {
  forbid '\bunsafe (\{|fn|impl|extern|trait)|\(unsafe_code\b' crates '^crates/engine/src/local/shim/clone\.rs:' \
    "only crates/engine/src/local/shim/clone.rs has code that the compiler cannot check" "use a safe wrapper: rustix, nix, the standard library"
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

lengths() {
  local lines path
  while read -r lines path; do
    if [ "$path" != total ] && [ "$lines" -gt 400 ]; then
      violated "$path:$lines" "a file is read in one sitting: at most 400 lines ($lines here)" \
        "move one idea to a file of its own"
    fi
  done < <(find crates examples scripts -name target -prune -o -type f \( -name '*.rs' -o -name '*.py' -o -name '*.sh' \) -print |
    grep -vE '/tests?/|_?tests?\.rs$' | xargs -r wc -l)
}

# forbid REGEX PLACE EXCEPTIONS RULE REMEDY: no line of PLACE matches, but in comments and where the path matches.
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

# One violation per line: the file to plant it in, the text, and a word of the rule that must be named.
plants() {
  cat <<'PLANTS'
crates/domain/Cargo.toml|[dependencies.x]\ntrainyard-store = "1"|must not depend on
crates/api/Cargo.toml|[dev-dependencies.x]\ntrainyard-domain.workspace = true|must not depend on
crates/engine/Cargo.toml|[build-dependencies]\ntrainyard.workspace = true|must not depend on
crates/domain/Cargo.toml|tokio = "1"|no runtime
crates/domain/src/planted.rs|fn f() { Timestamp::now(); }|never asks the time
crates/domain/src/planted.rs|async fn f() {}|nothing async
crates/domain/src/planted.rs|fn f() { std::fs::read("x"); }|no IO
crates/server/src/planted.rs|const Q: &str = "SELECT 1";|SQL text
crates/it/tests/it/planted.rs|const Q: &str = "UPDATE jobs SET a = 1";|SQL text
crates/server/src/planted.rs|use tokio::process::Command;|processes are started
crates/cli/src/planted.rs|fn f() { Command::new("sh"); }|processes are started
crates/server/src/http/planted.rs|use trainyard_store::{Page, Store};|a handler calls use cases
crates/server/src/http/planted.rs|fn f() { app.store.job(1); }|a handler calls use cases
crates/cli/src/planted.rs|use trainyard_store::Store;|typed client
crates/cli/src/planted.rs|use trainyard_engine::Engine;|way in to the shim
crates/server/src/planted.rs|fn f() { unsafe { g() } }|the compiler cannot check
crates/server/src/utils.rs||no file or folder
crates/server/src/job_manager.rs||no file or folder
crates/store/src/planted.rs|pub struct JobManager;|no module or type
crates/store/src/planted.rs|mod helpers;|no module or type
crates/store/src/planted.rs|LONG|400 lines
PLANTS
}

self_test() {
  local file text word out kept failed=0 count=0
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  (cd "$here" && tar cf - --exclude=target --exclude=__pycache__ crates scripts examples) | tar xf - -C "$copy"
  while IFS='|' read -r file text word; do
    count=$((count + 1))
    mkdir -p "$(dirname "$copy/$file")"
    kept=''
    if [ -e "$copy/$file" ]; then kept=$(mktemp) && cp "$copy/$file" "$kept"; fi
    if [ "$text" = LONG ]; then text=$(printf '\\n%.0s' {1..401}); fi
    printf '%b\n' "$text" >>"$copy/$file"
    if out=$(main "$copy") || ! grep -F -- "$file:" <<<"$out" | grep -qF -- "$word"; then
      echo "self-test: not found: $file ($word)"
      failed=1
    fi
    if [ -n "$kept" ]; then mv "$kept" "$copy/$file"; else rm "$copy/$file"; fi
  done < <(plants)
  if [ "$failed" = 0 ]; then echo "self-test: all $count planted violations found"; fi
  return "$failed"
}

case ${1:-} in
  --self-test) self_test ;;
  *) main "${1:-$here}" ;;
esac
