# shellcheck shell=bash
# Files: how long they are, how modules are laid out, where unit tests stand. scripts/invariants.sh reads this file.

lengths() {
  local lines path
  while read -r lines path; do
    if [ "$path" != total ] && [ "$lines" -gt 400 ]; then
      violated "$path:$lines" "a file is read in one sitting: at most 400 lines ($lines here)" \
        "move one idea to a file of its own"
    fi
  done < <(find crates examples scripts -name target -prune -o -type f \
    \( -name '*.rs' -o -name '*.py' -o -name '*.sh' -o -name '*.awk' \) -print |
    grep -vE '/tests?/|_?tests?\.rs$' | xargs -r wc -l)
}

# file: why it stays below 40 lines.
small() {
  cat <<'LIST'
crates/bench/src/table.rs: the form of all printed figures, used by every measurement
crates/domain/src/queue/order.rs: the order of the queue, which the plan and its tests use
crates/engine/src/error.rs: the failures that every other file of the crate returns
crates/server/src/loops/gpus.rs: one loop, and each loop has a file of its own
crates/cli/src/editor.rs: starts a program, which scripts/invariants.sh permits in this file only
LIST
}

small_files() {
  local lines path kept
  kept=$(small | cut -d: -f1)
  while read -r lines path; do
    if [ "$path" != total ] && [ "$lines" -lt 40 ] && ! grep -qxF -- "$path" <<<"$kept"; then
      violated "$path:$lines" "a file holds one whole idea: at least 40 lines ($lines here)" \
        "join it with the file that uses it, or list it with its reason in scripts/invariants/files.sh"
    fi
  done < <(find crates -path '*/src/*' -name '*.rs' ! -name main.rs ! -name lib.rs -print |
    grep -vE '/tests?/|_?tests?\.rs$' | xargs -r wc -l)
  while read -r path; do
    if [ -e "$path" ] && [ "$(wc -l <"$path")" -ge 40 ]; then
      violated "$path:1" "this file is no longer small" "remove it from the list in scripts/invariants/files.sh"
    fi
  done <<<"$kept"
}

module_files() {
  local path
  while IFS= read -r path; do
    violated "$path:1" "a module is \`name.rs\` beside \`name/\`, never \`name/mod.rs\`" "move it to $(dirname "$path").rs"
  done < <(find crates -name target -prune -o -name mod.rs -print | sort)
  while IFS= read -r path; do
    violated "$path:1" "unit tests stand in \`name/tests.rs\`" "move them to ${path%_tests.rs}/tests.rs"
  done < <(find crates -name target -prune -o -name '*_tests.rs' -print | sort)
  forbid '^\s*(pub )?mod ([a-z_]+_)?tests? \{' crates '' "unit tests stand inside the file" \
    "move them to \`name/tests.rs\` and write \`#[cfg(test)] mod tests;\`"
  forbid '^\s*#\[path' crates '' "a module's file follows from its name" "move the file and drop \`#[path]\`"
}

files_plants() {
  cat <<'PLANTS'
crates/store/src/planted.rs|LONG|at most 400 lines
crates/store/src/planted.rs|SHORT|at least 40 lines
crates/store/src/planted/tests.rs|SHORT|-
crates/store/src/planted/mod.rs|fn f() {}|never `name/mod.rs`
crates/it/tests/it/planted/mod.rs|fn f() {}|never `name/mod.rs`
crates/store/src/planted_tests.rs|fn f() {}|unit tests stand in
crates/store/src/planted.rs|#[cfg(test)]\nmod tests {\n}|inside the file
crates/store/src/planted.rs|#[cfg(test)]\n#[path = "other.rs"]\nmod tests;|follows from its name
PLANTS
}
