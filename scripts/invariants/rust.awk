# Splits lines of Rust into code, string literals and comment, for the other awk programs here. Works with mawk and
# gawk. Known limit: it treats block comments as code; the sources have none.

# Sets CODE (string literals replaced by ""), STRINGS (their contents, one per line) and COMMENT. A string literal may
# span several lines, so the lines of a file must come in order.
function split_rust(line,    at, hashes) {
  if (FNR == 1) { string_end = ""; tests = 0 }
  CODE = STRINGS = COMMENT = ""
  gsub(/\\\\/, "..", line)
  gsub(/\\"/, "'", line)
  gsub(/'"'/, "' '", line)
  while (line != "") {
    if (string_end != "") {
      at = index(line, string_end)
      if (!at) { STRINGS = STRINGS line; return }
      STRINGS = STRINGS substr(line, 1, at - 1) "\n"
      line = substr(line, at + length(string_end))
      string_end = ""
      CODE = CODE "\""
    } else {
      if (!match(line, /"|\/\//)) { CODE = CODE line; return }
      at = RSTART
      CODE = CODE substr(line, 1, at - 1)
      if (substr(line, at, 1) == "/") { COMMENT = substr(line, at); return }
      hashes = ""
      if (match(CODE, /r#+$/)) hashes = substr(CODE, RSTART + 1)
      string_end = "\"" hashes
      CODE = CODE "\""
      line = substr(line, at + 1)
    }
  }
}

# Whether the line that was split last belongs to a test module inside a source file. Call it for every line.
function in_tests() {
  if (CODE ~ /^(pub )?mod tests \{/) tests = 1
  if (tests && CODE ~ /^\}/) { tests = 0; return 1 }
  return tests
}

function is_test_file() {
  return FILENAME ~ /(^|[\/_])tests?(\.rs$|\/)|(^|\/)samples(\.rs$|\/)|(^|\/)benches\//
}
