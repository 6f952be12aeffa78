//! Tables for users. Control characters in values are replaced, so that a value cannot move the cursor or break a row.

#[cfg(test)]
mod tests;

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// A table with a heading; rows that are wider than the terminal wrap inside their columns.
pub(crate) fn rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| safe(cell)).collect::<Vec<_>>()));
    trimmed(&table)
}

/// The fields of one object, one on each line; empty fields are left out.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let mut table = plain();
    let present = fields.iter().filter(|(_, value)| !value.is_empty());
    table.add_rows(present.map(|(name, value)| vec![(*name).to_owned(), safe(value)]));
    trimmed(&table)
}

/// Columns of the narrowest terminal for which text is wrapped. Output to a file is never wrapped.
const LEAST_WIDTH: u16 = 40;

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if table.width().is_some_and(|width| width >= LEAST_WIDTH) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The text with all control characters except line feeds replaced, so that the terminal executes none.
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
