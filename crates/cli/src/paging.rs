//! Which page of a list, and what to say when there is more.

#[cfg(test)]
mod tests;

use trainyard_api::Page;

/// Which page of a list.
#[derive(Clone, Copy, Debug, clap::Args)]
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
