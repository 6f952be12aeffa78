# Finds top-level modules of one crate that use each other; needs rust.awk before it. Reads the sources of any number of
# crates. Prints per pair: crate, module, module, place where the first uses the second, place of the reverse use.
#
# These count as uses: a path from the crate's root, `crate::b::X`, also in groups and over several lines; a path that
# reaches the root by `super::`; a name that lib.rs imports from a module; a macro that another module defines.

FNR == 1 { locate() }
is_test_file() { next }
{
  split_rust($0)
  if (in_tests()) next
  if (module == "") note_imports(CODE)
  else note_uses(CODE)
}

END {
  for (use in where) {
    split(use, part, SUBSEP)
    to = target(part[1], part[3])
    if (to == "" || to == part[2]) continue
    key = part[1] SUBSEP part[2] SUBSEP to
    if (!(key in edge) || earlier(where[use], edge[key])) edge[key] = where[use]
  }
  for (key in edge) {
    split(key, part, SUBSEP)
    back = part[1] SUBSEP part[3] SUBSEP part[2]
    if (part[2] < part[3] && back in edge) print part[1], part[2], part[3], edge[key], edge[back]
  }
}

# Sets `crate`, `module` ("" for lib.rs and main.rs) and `to_root`, the `super::` steps from this file to the root.
function locate(    steps, part, n) {
  split(FILENAME, part, "/src/")
  crate = part[1]
  sub(/.*\//, "", crate)
  n = split(part[2], steps, "/")
  if (steps[n] == "mod.rs") n--
  module = steps[1]
  sub(/\.rs$/, "", module)
  if (n == 1 && module ~ /^(lib|main)$/) module = ""
  else modules[crate, module]
  to_root = ""
  while (n--) to_root = to_root "super::"
  depth = 0
  statement = ""
}

# `use a::{X, Y as Z};` in lib.rs: `crate::X` is a use of `a`.
function note_imports(code,    words, n, i) {
  if (statement == "" && code !~ /^ *(pub(\([a-z]+\))? )?use /) return
  statement = statement " " code
  if (code !~ /;/) return
  sub(/^ *(pub(\([a-z]+\))? )?use +(crate::|self::)?/, "", statement)
  n = split(statement, words, /[^A-Za-z0-9_]+/)
  for (i = 2; i <= n; i++) if (words[i] != "") imported[crate, words[i]] = words[1]
  statement = ""
}

function note_uses(code,    name) {
  if (match(code, /macro_rules! [a-z_]+/)) {
    name = substr(code, RSTART + 13, RLENGTH - 13)
    if ((crate, name) in macros) macros[crate, name] = ""
    else macros[crate, name] = module
  }
  if (index(code, "super::")) code = from_root(code)
  note_macros(code)
  while (code != "") {
    if (depth) code = in_group(code)
    else if (match(code, /crate::(\{|[A-Za-z0-9_]+)/)) {
      name = substr(code, RSTART + 7, RLENGTH - 7)
      code = substr(code, RSTART + RLENGTH)
      if (name == "{") { depth = 1; expected = 1 } else note(name)
    } else return
  }
}

# Removes the next word or sign of a group `crate::{…}` from `code`. The first word after `{` or `,` names a module.
function in_group(code,    token) {
  if (!match(code, /[A-Za-z0-9_]+|[{},]/)) return ""
  token = substr(code, RSTART, RLENGTH)
  code = substr(code, RSTART + RLENGTH)
  if (token == "{") depth++
  else if (token == "}") depth--
  else if (token == ",") { if (depth == 1) expected = 1 }
  else if (depth == 1 && expected) { note(token); expected = 0 }
  return code
}

# Replaces the chain of `super::` that leads from this file to the root by `crate::`.
function from_root(code,    at, before, out) {
  out = ""
  while ((at = index(code, to_root)) > 0) {
    before = at == 1 ? "" : substr(code, at - 1, 1)
    out = out substr(code, 1, at - 1) (before ~ /[A-Za-z0-9_:]/ ? to_root : "crate::")
    code = substr(code, at + length(to_root))
  }
  return out code
}

function note_macros(code) {
  while (match(code, /[a-z_]+!/)) {
    note(substr(code, RSTART, RLENGTH))
    code = substr(code, RSTART + RLENGTH)
  }
}

function note(name) {
  if (!((crate, module, name) in where)) where[crate, module, name] = FILENAME ":" FNR
}

function target(crate, name) {
  if ((crate, name) in modules) return name
  if ((crate, name) in imported) return (crate, imported[crate, name]) in modules ? imported[crate, name] : ""
  if (sub(/!$/, "", name) && (crate, name) in macros) return macros[crate, name]
  return ""
}

# Orders places by file, then by line.
function earlier(a, b,    left, right) {
  split(a, left, ":")
  split(b, right, ":")
  return left[1] < right[1] || left[1] == right[1] && left[2] + 0 < right[2] + 0
}
