//! Tables for people. Text from others cannot move the cursor or break a row.

#[cfg(test)]
mod tests;

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// A table with a head; rows wider than the terminal wrap within their columns.
pub(crate) fn rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| safe(cell)).collect::<Vec<_>>()));
    trimmed(&table)
}

/// One thing, a field on each line; fields without a value are left out.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let mut table = plain();
    let present = fields.iter().filter(|(_, value)| !value.is_empty());
    table.add_rows(present.map(|(name, value)| vec![(*name).to_owned(), safe(value)]));
    trimmed(&table)
}

/// Narrower than this, or of unknown width, a terminal gets whole lines.
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

/// Text without anything that a terminal would obey.
pub(crate) fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
