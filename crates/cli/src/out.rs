//! Printing: results go to standard output, notes and errors to standard error.
//!
//! Only this module writes to them. If the reader of standard output has closed it, the command ends without a panic. A
//! terminal gets no sequence that acts on it: see [`crate::terminal`].

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use crate::{
    exit::Failure,
    terminal::{Filter, shown},
};

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

/// Prints one line on standard output. Colours in it end with it.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let text = if is_terminal() && !RAW.load(Ordering::Relaxed) { shown(text) } else { text.to_owned() };
    unchanged(format!("{text}\n").as_bytes())
}

/// What a terminal on standard output has not got completely.
static FILTER: Mutex<Option<Filter>> = Mutex::new(None);
/// Whether a terminal gets bytes unchanged too.
static RAW: AtomicBool = AtomicBool::new(false);

/// From now on prints bytes unchanged on a terminal too.
pub(crate) fn set_raw() {
    RAW.store(true, Ordering::Relaxed);
}

/// Prints bytes and flushes them, so that a follower sees them at once. Only a terminal gets them changed.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    if !is_terminal() || RAW.load(Ordering::Relaxed) {
        return unchanged(bytes);
    }
    let shown = FILTER.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().take(bytes);
    unchanged(&shown)
}

fn unchanged(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::because("cannot write to standard output", error),
    })
}

/// Ends colours that the printed text has left on a terminal.
pub(crate) fn finish() {
    let end = FILTER.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(Filter::end);
    drop(end.map(|end| unchanged(end.as_bytes())));
}

/// Prints a line on standard error. If standard error is closed, the command continues.
pub(crate) fn note(text: &str) {
    let text = if io::stderr().is_terminal() { shown(text) } else { text.to_owned() };
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
