//! A container's command and arguments as one command line of the shell.

use std::collections::BTreeSet;

use crate::exchange::shell;

/// The command line that starts these words.
///
/// What Kubernetes would put in for `$(NAME)` the shell puts in; a script handed to `sh -c` is the command line itself.
pub(super) fn line(words: &[&str], variables: &BTreeSet<&str>) -> String {
    if let [shell, flag, script] = words
        && matches!(*shell, "sh" | "/bin/sh")
        && *flag == "-c"
        && pieces(script, variables).iter().all(|piece| matches!(piece, Piece::Text(text) if text == script))
    {
        return (*script).to_owned();
    }
    words.iter().map(|word| quoted(word, variables)).collect::<Vec<_>>().join(" ")
}

/// A piece of a word as Kubernetes reads it.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn quoted(word: &str, variables: &BTreeSet<&str>) -> String {
    match pieces(word, variables).as_slice() {
        [] => "''".to_owned(),
        [Piece::Text(text)] => shell::word(text),
        pieces => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => shell::word(text),
                Piece::Variable(name) => format!("\"${name}\""),
            })
            .collect(),
    }
}

/// `$(NAME)` stands for a variable that the container has; `$$(` for `$(`; everything else for itself.
fn pieces<'a>(word: &'a str, variables: &BTreeSet<&str>) -> Vec<Piece<'a>> {
    let mut found = Vec::new();
    let mut rest = word;
    let mut from = 0;
    while let Some(at) = rest.get(from..).and_then(|tail| tail.find('$')).map(|at| at + from) {
        let (before, tail) = rest.split_at(at);
        let named = tail.strip_prefix("$(").and_then(|tail| tail.split_once(')'));
        if let Some((name, after)) = named.filter(|(name, _)| variables.contains(name)) {
            found.extend([Piece::Text(before), Piece::Variable(name)]);
            (rest, from) = (after, 0);
        } else if let Some(escaped) = tail.strip_prefix("$$") {
            found.push(Piece::Text(before));
            // Of two signs the second is kept, and begins nothing.
            rest = tail.get(1..).unwrap_or(escaped);
            from = 1;
        } else {
            from = at + 1;
        }
    }
    found.push(Piece::Text(rest));
    found.retain(|piece| !matches!(piece, Piece::Text("")));
    found
}
