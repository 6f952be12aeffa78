//! Options that several commands share: how to reach the server, how to print, which page of a list.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args;
use trainyard_api::Page;

use crate::out::Format;

/// How to reach the server, and how to print what it answers.
#[derive(Clone, Debug, Args)]
pub(crate) struct GlobalOptions {
    /// Address of the server; by default that of the login, or of this machine's own server.
    /// The key is read from TRAINYARD_API_KEY, the login, or the data directory
    #[arg(long, value_name = "URL", env = "TRAINYARD_SERVER", global = true)]
    pub(crate) server: Option<String>,
    /// Data directory of this machine's own server, to take its address and admin key from
    #[arg(long, value_name = "DIR", env = "TRAINYARD_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table, global = true)]
    pub(crate) output: Format,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Paging {
    /// Which page, from 1
    #[arg(long, value_name = "N")]
    pub(crate) page: Option<u32>,
    /// Rows on a page, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) page_size: u32,
}

/// A list's text, with a last line that says how much more there is.
pub(crate) fn with_rest<T>(text: String, page: &Page<T>) -> String {
    let shown = u64::from(page.page_no.saturating_sub(1)) * u64::from(page.page_size) + page.records.len() as u64;
    match shown < page.total_rows && !page.records.is_empty() {
        true => format!("{text}\n({shown} of {}; next: --page {})", page.total_rows, page.page_no + 1),
        false => text,
    }
}
