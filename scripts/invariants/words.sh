# shellcheck shell=bash disable=SC2154
# Wording: constructions that comments, messages and pages must not use, and names that were replaced.
# scripts/invariants.sh reads this file; words.awk counts.

# construction => the reason, or what to write instead. The match ignores case and all text in `backticks`.
constructions() {
  cat <<'LIST'
who|whoever|whom => name the actor: the server, the scheduler, the caller, the user
nobody|somebody|no one|someone|anybody|anyone|everybody|everyone => name the actor: "no user", "another process", "every reader"
for what|of what|by what => an inverted clause; subject, verb, object
of which there|that much it => an inverted clause; subject, verb, object
(is|are|was|were) to be => say which part does it, or what must hold
means nothing => say what happens: "is ignored", "is kept as sent"
he|him|his|himself|she|her => a program is no person; repeat its name
shel(f|ves)|racks?|rungs?|desk|pokes?|poked|wish(es|ed)? => a picture; use the field's term: index, method, readers, notify, request
LIST
}

# The largest share of matching lines per group, in thousandths. For comments it is the largest share in four
# well-written Rust projects of this field (hyperqueue, jj, nextest, bors). `short` allows for the last lines of
# paragraphs.
most_permille() {
  case $1 in
    comments | prose) echo 6 ;;
    short) echo 25 ;;
    messages) echo 0 ;;
  esac
}

words() {
  local kind group first second share said why
  declare -A over=()
  while IFS=$'\t' read -r kind group first second; do
    if [ "$kind" = share ]; then
      if [ $((first * 1000)) -gt $(($(most_permille "$group") * second)) ]; then over[$group]=$(percent "$first" "$second"); fi
    elif [ -n "${over[$group]:-}" ]; then
      said=${second%%|*} why=${second#*|}
      share="${over[$group]} of the lines, at most $(percent "$(most_permille "$group")" 1000)"
      case $group in
        comments) violated "$first" "a comment says $said ($share)" "$why" ;;
        short) violated "$first" "a comment of fewer than 14 characters: $said ($share)" "$why" ;;
        messages) violated "$first" "a message says $said" "$why" ;;
        prose) violated "$first" "a page says $said ($share)" "$why" ;;
      esac
    fi
  done < <(measure_words)
}

# Prints the shares and every matching line, even below the limits.
show_words() {
  local kind group first second
  while IFS=$'\t' read -r kind group first second; do
    if [ "$kind" = share ]; then
      printf '%-9s %5d of %5d lines, %s; at most %s\n' "$group" "$first" "$second" "$(percent "$first" "$second")" \
        "$(percent "$(most_permille "$group")" 1000)"
    else
      printf '%s: %s: %s\n' "$first" "$group" "${second%%|*}"
    fi
  done < <(measure_words)
}

percent() { # PART WHOLE
  awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.1f %%", whole ? 100 * part / whole : 0 }'
}

# Prints the shares, then the matching lines ordered by group, file and line number.
measure_words() {
  local rust hash prose
  mapfile -t rust < <(find_text crates fuzz/targets -name '*.rs')
  mapfile -t hash < <(find_text . -name '*.sh' -o -name '*.awk' -o -name '*.py' -o -name '*.toml' -o -name '*.yaml' \
    -o -name '*.service' -o -name Makefile -o -path ./.ci/run)
  mapfile -t prose < <(find_text . -name '*.md')
  awk -f "$programs/rust.awk" -f "$programs/words.awk" kind=list <(constructions) kind=rust "${rust[@]}" \
    kind=hash "${hash[@]}" kind=prose "${prose[@]}" | sort -t $'\t' -k1,1r -k2,2 -k3,3V
}

find_text() { # FOLDERS... CONDITIONS...
  local folders=()
  while [ "${1#-}" = "$1" ]; do folders+=("$1") && shift; done
  find "${folders[@]}" \( -name target -o -name .git -o -name __pycache__ \) -prune -o -type f \( "$@" \) -print | sort
}

# old name => the term that replaced it.
old_names() {
  cat <<'LIST'
News => Wakeup, CatalogueChange, SharedChunk, FollowUpdate
Shelf => TemplateIndex
Rack => EntrySlots
Lived => RetentionClock
Rung => KillMethod
ladder => kill_method, kill_methods
Spot => DirIdentity
StopWish => StopRequest
wishes => user_requests
Holder => Allocation
Unclean => Quarantined
strays => orphans
poke => notify
LIST
}

# old name => new name, for names that are forbidden only where they are defined: as variables they have other uses.
old_definitions() {
  cat <<'LIST'
Waits => WaitTimers
Known => QueueCache
What => TrackedJob
Live => RunLoop, Allocations
Place => LocalHandle
Turn => QueuePosition
Passing => BackfillVerdict
Kept => Reserved
tell => notify
revive => resume_shim
digest => apply_observation
nest => delegation
space => sandbox
spot => dir_identity
lived => retention_clock
shelf => index
rack => slots
aside => quarantined
desk => readers
LIST
}

replaced_names() {
  forbid "\b($(alternatives old_names))\b" crates '' "this name was replaced" "scripts/invariants/words.sh has the new one"
  forbid "\b(struct|enum|trait|type|mod|fn) ($(alternatives old_definitions))\b" crates '/tests?/|_?tests?\.rs:' \
    "this name was replaced" "scripts/invariants/words.sh has the new one"
}

alternatives() { "$1" | sed 's/ => .*//' | paste -sd '|'; }

words_plants() {
  cat <<'PLANTS'
crates/domain/src/planted.rs|/// Tells whoever asks what the state is.|a comment says "whoever"
crates/domain/src/planted.rs|fn f() {\n    // Said by nobody, and kept.\n}|a comment says "nobody"
crates/domain/src/planted/tests.rs|//! The sum, of what was counted before.|a comment says "of what"
fuzz/targets/planted.rs|// The state that is to be reached here.|a comment says "is to be"
scripts/planted.sh|# Ends the process, so that he cannot go on.|a comment says "he"
Makefile|# The folder for what was built before it.|a comment says "for what"
docs/planted.md|The server asks somebody else.|a page says "somebody"
crates/domain/src/planted.rs|/// Which.|fewer than 14 characters
crates/cli/src/planted.rs|const M: &str = "the job is stopped by whom it was made";|a message says "whom"
crates/cli/src/planted.rs|const M: &str = "a key that \\\n    means nothing here";|a message says "means nothing"
crates/cli/src/planted.rs|const M: &str = r#"it says "yes" to nobody"#;|a message says "nobody"
crates/store/src/planted.rs|struct Shelf;|name was replaced
crates/store/src/planted/tests.rs|use super::StopWish;|name was replaced
crates/server/src/planted.rs|pub(super) enum What {}|name was replaced
crates/server/src/planted.rs|mod desk;|name was replaced
crates/domain/src/planted.rs|/// Runs as the user `nobody` if the centre says so.|-
crates/domain/src/planted.rs|fn f() { g("nobody"); } // an account, by itself|-
crates/domain/src/planted.rs|fn what() { let Holds { place, aside } = x; }|-
crates/domain/src/planted.rs|RARE|-
docs/planted.md|```\nwho wrote is this\n```|-
PLANTS
}
