//! Tables for users. Control characters in values are replaced, so that a value cannot move the cursor or break a row.

#[cfg(test)]
mod tests;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};

/// A table with a heading; rows that are wider than the terminal wrap inside their columns.
pub(crate) fn rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    let mut columns: Vec<Content> = head.iter().map(|word| Content::of_head(word)).collect();
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    for row in rows {
        let row: Vec<String> = row.iter().map(|cell| safe(cell)).collect();
        columns.iter_mut().zip(&row).for_each(|(column, cell)| column.add(cell));
        table.add_row(row);
    }
    if let Some(width) = table.width() {
        for (column, constraint) in table.column_iter_mut().zip(constraints(&columns, width)) {
            if let Some(constraint) = constraint {
                column.set_constraint(constraint);
            }
        }
    }
    trimmed(&table)
}

/// What decides how narrow a column may become.
struct Content {
    /// Width of its longest word, the head included.
    longest_word: u16,
    /// Whether all its cells are empty.
    is_empty: bool,
}

impl Content {
    fn of_head(head: &str) -> Self {
        Self { longest_word: longest_word(head), is_empty: true }
    }

    fn add(&mut self, cell: &str) {
        self.longest_word = self.longest_word.max(longest_word(cell));
        self.is_empty &= cell.is_empty();
    }
}

fn longest_word(text: &str) -> u16 {
    let width = text.split_whitespace().map(console::measure_text_width).max();
    u16::try_from(width.unwrap_or_default()).unwrap_or(u16::MAX)
}

/// Constraints by which the table fits into a terminal without splitting words. If all words do not fit, empty columns are
/// left out. If that is not enough, only ids and names of workers stay whole, because users copy them.
fn constraints(columns: &[Content], width: u16) -> Vec<Option<ColumnConstraint>> {
    const PADDING: u16 = 2;
    const LEAST_ID: u16 = 20;
    const LONGEST_ID: u16 = 40;
    let is_hidden = |column: &Content, all: bool| column.is_empty && !all;
    let fits = |all: bool| {
        let shown = columns.iter().filter(|column| !is_hidden(column, all));
        shown.map(|column| u32::from(column.longest_word) + u32::from(PADDING)).sum::<u32>() <= u32::from(width)
    };
    let (all, whole_words) = (fits(true), fits(false));
    let constraint = |column: &Content| match column.longest_word {
        _ if is_hidden(column, all) => Some(ColumnConstraint::Hidden),
        length if whole_words || (LEAST_ID..=LONGEST_ID).contains(&length) => {
            Some(ColumnConstraint::LowerBoundary(Width::Fixed(length.saturating_add(PADDING))))
        }
        _ => None,
    };
    columns.iter().map(constraint).collect()
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
