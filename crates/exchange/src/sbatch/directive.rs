//! The lines of a batch script as `sbatch` reads them: directives up to the first command, and quoted words in them.

use super::{
    DIRECTIVE,
    option::{self, Takes},
};

/// The parts of a script.
pub(super) struct Script<'t> {
    /// The text after `#!` in the first line.
    pub(super) interpreter: Option<&'t str>,
    /// The options of all directives, in their order.
    pub(super) options: Vec<Given>,
    /// Lines that sbatch refuses or ignores: the number, the text, the reason.
    pub(super) odd: Vec<(usize, String, &'static str)>,
    /// Directives after the first command: the number, the text, the reason. They may be plain text that looks alike.
    pub(super) late: Vec<(usize, String, &'static str)>,
    /// The comments before the first command, without directives.
    pub(super) comments: Vec<&'t str>,
    /// The text from the first command to the end.
    pub(super) commands: &'t str,
    /// The line number of the first command, from 1.
    pub(super) first_command_line: usize,
}

/// An option of a directive.
pub(super) struct Given {
    /// The long name; as written if sbatch has no such option.
    pub(super) name: String,
    /// The value, without quotes; `None` for an option without one.
    pub(super) value: Option<String>,
    /// The option and its value as the script writes them.
    pub(super) written: String,
}

/// Splits a script into its parts.
pub(super) fn split(text: &str) -> Script<'_> {
    let interpreter = text.strip_prefix("#!").map(|rest| rest.lines().next().unwrap_or_default().trim());
    let mut script = Script {
        interpreter,
        options: Vec::new(),
        odd: Vec::new(),
        late: Vec::new(),
        comments: Vec::new(),
        commands: "",
        first_command_line: 1,
    };
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let is_first_command = !line.trim().is_empty() && !line.starts_with('#');
        if is_first_command {
            break;
        }
        number += 1;
        if let Some(words) = line.strip_prefix(DIRECTIVE) {
            options(words, number, &mut script);
        } else if number > 1 || interpreter.is_none() {
            script.comments.push(line);
        }
        rest = after;
    }
    script.commands = rest;
    script.first_command_line = number + 1;
    for (index, line) in rest.lines().enumerate() {
        if line.starts_with(DIRECTIVE) {
            let why = "sbatch reads no directives after the first command";
            script.late.push((number + 1 + index, line.to_owned(), why));
        }
    }
    for (index, line) in
        text.lines().enumerate().filter(|(_, line)| line.starts_with("#PBS") || line.starts_with("#BSUB"))
    {
        let why = "is a directive for another scheduler; write it as `#SBATCH`, or set the field of the template";
        script.odd.push((index + 1, line.to_owned(), why));
    }
    script
}

fn options(text: &str, number: usize, script: &mut Script<'_>) {
    let Some(words) = words(text) else {
        let why = "a quote has no end, so sbatch refuses the script";
        script.odd.push((number, format!("{DIRECTIVE}{text}"), why));
        return;
    };
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let known = option::by_name(name);
            let next_is_value = value.is_none()
                && match known {
                    Some(option) => option.takes == Takes::Value,
                    None => words.peek().is_some_and(|next| !next.starts_with('-')),
                };
            let next = if next_is_value { words.next() } else { None };
            let written = next.as_ref().map_or_else(|| word.clone(), |next| format!("{word} {next}"));
            let name = known.map_or(name, |option| option.name).to_owned();
            script.options.push(Given { name, value: value.or(next), written });
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            short(letters, &mut words, script);
        } else {
            script.odd.push((number, word, "is not an option, so sbatch refuses the script"));
        }
    }
}

/// Letters after one dash: flags, then possibly an option that takes the rest or the next word as its value.
fn short(letters: &str, words: &mut impl Iterator<Item = String>, script: &mut Script<'_>) {
    let mut rest = letters.chars();
    while let Some(letter) = rest.next() {
        let known = option::by_letter(letter);
        let name = known.map_or_else(|| format!("-{letter}"), |option| option.name.to_owned());
        if known.is_none_or(|option| option.takes != Takes::Value) {
            script.options.push(Given { name, value: None, written: format!("-{letter}") });
            continue;
        }
        let joined = Some(rest.as_str().to_owned()).filter(|text| !text.is_empty());
        let written = format!("-{letter}{}", rest.as_str());
        let next = if joined.is_none() { words.next() } else { None };
        let written = next.as_ref().map_or_else(|| written.clone(), |next| format!("{written} {next}"));
        script.options.push(Given { name, value: joined.or(next), written });
        return;
    }
}

/// The words of a directive, by sbatch's rules: two kinds of quotes, a backslash before any character, and `#` starts a
/// comment even inside quotes. `None` if a quote has no end.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '#' => break,
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            c if c.is_ascii_whitespace() && quote.is_none() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
