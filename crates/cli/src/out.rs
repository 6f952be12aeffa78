//! What a command prints: answers on standard output, everything said beside them on standard error.
//!
//! The only place that writes to either. A reader that has gone away ends the command, it never panics.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::exit::Failure;

/// How to print an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// The answer's data as JSON
    Json,
    /// The answer's data as YAML
    Yaml,
}

/// Prints an answer: `data` as the server sent it, or the text for people.
pub(crate) fn show(format: Format, data: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
    match format {
        Format::Table => line(&text()),
        Format::Json => line(&format!("{data:#}")),
        Format::Yaml => {
            let yaml = serde_yaml_ng::to_string(data).map_err(|error| Failure::because("cannot write YAML", error))?;
            bytes(yaml.as_bytes())
        }
    }
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::because("cannot write to standard output", error),
    })
}

/// Says something beside the answer, on standard error; a closed one is no reason to stop.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints why a command failed, on standard error.
pub(crate) fn report(failure: &Failure) {
    failure.lines().iter().for_each(|line| note(line));
}

/// Whether a person reads standard output.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
