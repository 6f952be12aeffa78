//! The command and arguments of a container as one command line of the shell.

use std::collections::BTreeSet;

use crate::shell;

/// The command line that runs these words.
///
/// The shell replaces a `$(NAME)` as Kubernetes does. The script of `sh -c` becomes the command line itself.
pub(super) fn line(words: &[&str], variables: &BTreeSet<&str>) -> String {
    if let [shell, flag, script] = words
        && matches!(*shell, "sh" | "/bin/sh")
        && *flag == "-c"
        && pieces(script, variables) == [Piece::Text((*script).to_owned())]
    {
        return (*script).to_owned();
    }
    words.iter().map(|word| quoted(word, variables)).collect::<Vec<_>>().join(" ")
}

/// A part of a word: plain text, or the name of a variable in `$(NAME)`.
#[derive(PartialEq)]
enum Piece<'a> {
    Text(String),
    Variable(&'a str),
}

fn quoted(word: &str, variables: &BTreeSet<&str>) -> String {
    let pieces = pieces(word, variables);
    let quoted = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => shell::word(text),
        Piece::Variable(name) => format!("\"${name}\""),
    });
    if pieces.is_empty() { shell::word("") } else { quoted.collect() }
}

/// Splits a word by the rules of Kubernetes: `$(NAME)` is a variable if the container has it, `$$` is `$`.
fn pieces<'a>(word: &'a str, variables: &BTreeSet<&str>) -> Vec<Piece<'a>> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, tail)) = rest.split_once('$') {
        text.push_str(before);
        let named = tail.strip_prefix('(').and_then(|tail| tail.split_once(')'));
        if let Some((name, after)) = named.filter(|(name, _)| variables.contains(name)) {
            if !text.is_empty() {
                found.push(Piece::Text(std::mem::take(&mut text)));
            }
            found.push(Piece::Variable(name));
            rest = after;
        } else {
            text.push('$');
            rest = tail.strip_prefix('$').unwrap_or(tail);
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        found.push(Piece::Text(text));
    }
    found
}
