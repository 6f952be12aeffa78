//! Options that several commands share: the server, the output format, the page of a list.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args;
use trainyard_api::Page;

use crate::out::Format;

/// Options of every command that calls the API.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// Address of the server, such as https://train.example.com or unix:/run/trainyard/server.sock [default: the saved
    /// login, else the server of this machine]
    #[arg(long, value_name = "URL", env = "TRAINYARD_SERVER", hide_env_values = true, global = true)]
    pub(crate) server: Option<String>,
    /// Data directory of this machine's server, which has the server's socket
    #[arg(long, value_name = "DIR", env = "TRAINYARD_DATA_DIR", hide_env_values = true, global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Output format: table, or `data` of the response as json or yaml
    // Hidden values keep `--help` of every command in the compact form.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    #[arg(global = true)]
    pub(crate) output: Format,
}

/// Options of every command that lists something page by page.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Paging {
    /// Page to show, from 1 [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) page: Option<u32>,
    /// Rows per page, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) page_size: u32,
}

/// The text of a list. A last line names the next page if there is one.
pub(crate) fn with_rest<T>(text: String, page: &Page<T>) -> String {
    let shown = u64::from(page.page_no.saturating_sub(1)) * u64::from(page.page_size) + page.records.len() as u64;
    match shown < page.total_rows && !page.records.is_empty() {
        true => format!("{text}\n({shown} of {}; next: --page {})", page.total_rows, page.page_no + 1),
        false => text,
    }
}
