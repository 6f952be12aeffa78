# shellcheck shell=bash disable=SC2154
# Layers: the top-level modules of a crate (`name.rs` with `name/`) must not use each other in pairs. scripts/invariants.sh
# reads this file; modules.awk beside it finds the pairs.

layers_between_modules() {
  local crate one other at back
  while read -r crate one other at back; do
    violated "$at" "modules \`$one\` and \`$other\` of crate \`$crate\` use each other (the other way: $back)" \
      "move what both need into a module below them, or hand it in from above"
  done < <(mutual_pairs)
}

# crate module module file:line file:line, for every pair of every crate.
mutual_pairs() {
  find crates -path '*/src/*' -name '*.rs' -print | sort |
    xargs -r awk -f "$programs/rust.awk" -f "$programs/modules.awk" | sort
}

show_pairs() {
  local crate one other at back count=0
  while read -r crate one other at back; do
    count=$((count + 1))
    printf '%s: %s <-> %s  (%s, %s)\n' "$crate" "$one" "$other" "$at" "$back"
  done < <(mutual_pairs)
  echo "$count mutual pairs"
}

# In the tree of the self-test, `below` uses `planted`, so that any use of `below` by `planted` makes a pair.
modules_plants() {
  cat <<'PLANTS'
crates/domain/src/planted.rs|use crate::below::X;|use each other
crates/server/src/planted.rs|use crate::{\n    other::{A, B},\n    below::{\n        C,\n    },\n};|use each other
crates/store/src/planted/deep.rs|fn f() -> super::super::below::X {}|use each other
crates/engine/src/planted.rs|fn f() { g(crate::below::X) }|use each other
crates/api/src/planted.rs|fn f() { below!(1) }|use each other
crates/cli/src/planted.rs|fn f() { g(crate::Z) }|use each other
crates/domain/src/planted/tests.rs|use crate::below::X;|-
crates/domain/src/planted.rs|use crate::other::{below, X};|-
crates/domain/src/planted.rs|/// As [`crate::below::X`], which is no use.\nconst M: &str = "crate::below";|-
crates/domain/src/planted/deep.rs|use super::below::X;|-
PLANTS
}
