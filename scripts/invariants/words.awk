# Counts comment lines and messages with a forbidden construction; needs rust.awk before it. Reads a list of lines
# `construction => reason`, then files. The command line sets the kind of the files that follow: kind=list, kind=rust,
# kind=hash (comments after `#`) or kind=prose.
#
# Prints per group `share GROUP MATCHED LINES`, and per matching line `hit GROUP FILE:LINE FOUND|REASON`, separated by
# tabs.

BEGIN { groups = split("comments short messages prose", group, " ") }

kind == "list" {
  split($0, part, " => ")
  construction[++constructions] = between(part[1])
  reason[constructions] = part[2]
  any = any (any == "" ? "" : "|") part[1]
  next
}

FNR == 1 && any !~ /^\(/ { any = between(any) }

kind == "hash" {
  if ($0 ~ /^[ \t]*#/ && !(FNR == 1 && /^#!/)) comment($0)
  next
}

kind == "prose" {
  if (FNR == 1) fenced = 0
  if (/^ *```/) fenced = !fenced
  else if (!fenced && /[A-Za-z]/) judge("prose", $0)
  next
}

{
  was_string = FNR > 1 && string_end != ""
  split_rust($0)
  if (COMMENT != "" && !was_string && CODE ~ /^[ \t]*$/) comment(COMMENT)
  if (!in_tests() && STRINGS != "" && !is_test_file()) messages()
}

function between(words) { return "(^|[^a-z0-9_$])(" words ")([^a-z0-9_]|$)" }

END { for (i = 1; i <= groups; i++) printf "share\t%s\t%d\t%d\n", group[i], matched[group[i]], lines[group[i]] }

# Judges one comment line, without the signs that begin it. A line without letters and digits does not count.
function comment(text) {
  sub(/^[ \t]*(\/\/[\/!]?|#+)[ \t]*/, "", text)
  sub(/[ \t]+$/, "", text)
  if (text !~ /[A-Za-z0-9]/) return
  judge("comments", text)
  lines["short"]++
  if (length(text) < 14) hit("short", text, "say meaning, unit, range, invariant, error or reason, or delete it")
}

# Judges the string literals of one line that have two or more words.
function messages(    literal, n, i, text) {
  n = split(STRINGS, literal, "\n")
  text = ""
  for (i = 1; i <= n; i++) {
    gsub(/\{[^}]*\}/, "{}", literal[i])
    if (literal[i] ~ /[A-Za-z][a-z]*[,;:.]? +[A-Za-z(]/) text = text literal[i] "\n"
  }
  if (text != "") judge("messages", text)
}

function judge(name, text,    i) {
  lines[name]++
  text = tolower(text)
  gsub(/`[^`]*`/, "``", text)
  if (text !~ any) return
  for (i = 1; i <= constructions; i++) if (match(text, construction[i])) break
  text = substr(text, RSTART, RLENGTH)
  gsub(/^[^a-z0-9]+|[^a-z0-9]+$/, "", text)
  hit(name, text, reason[i])
}

function hit(name, found, why) {
  matched[name]++
  printf "hit\t%s\t%s:%d\t\"%s\"|%s\n", name, FILENAME, FNR, found, why
}
