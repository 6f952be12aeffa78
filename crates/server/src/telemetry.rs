//! What the server says about itself, on standard error: one line an event, readable alone, filterable.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt};

/// The variable that filters what is said, such as `info,trainyard_server=debug`.
const FILTER: &str = "TRAINYARD_LOG";

/// Starts to say it; a program that has set its own way before keeps that.
pub(crate) fn start() {
    let wanted = std::env::var(FILTER).unwrap_or_default();
    let filter = if wanted.is_empty() { "info" } else { &wanted };
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // An error says that one is set already.
    drop(lines.with_target(false).try_init());
}
