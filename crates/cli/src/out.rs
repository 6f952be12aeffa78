//! Printing: results go to standard output, notes and errors to standard error.
//!
//! Only this module writes to them. If the reader of standard output has closed it, the command ends without a panic.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::exit::Failure;

/// Output format of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table or text for users.
    #[default]
    Table,
    /// `data` of the response as JSON.
    Json,
    /// `data` of the response as YAML.
    Yaml,
}

/// Prints a response: `data` as the server sent it, or the text for users.
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

/// Prints one line on standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Prints bytes unchanged and flushes them, so that a follower sees them at once.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::because("cannot write to standard output", error),
    })
}

/// Prints a line on standard error. If standard error is closed, the command continues.
pub(crate) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints why a command failed, on standard error.
pub(crate) fn report(failure: &Failure) {
    failure.lines().iter().for_each(|line| note(line));
}

/// Whether standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
