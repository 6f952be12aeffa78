//! Tables for users. Control characters in values are replaced, so that a value cannot move the cursor or break a row.

#[cfg(test)]
mod tests;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets::NOTHING};

/// A table with a heading; rows that are wider than the terminal wrap inside their columns.
pub(crate) fn rows(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    let mut columns: Vec<Content> = head.iter().map(|word| Content::of_head(word)).collect();
    let table_width = table.width();
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    for row in rows {
        let row: Vec<String> = row.iter().map(|cell| safe(cell)).collect();
        columns.iter_mut().zip(&row).for_each(|(column, cell)| column.add(cell));
        table.add_row(row);
    }
    for (column, layout) in table.column_iter_mut().zip(layouts(&columns, table_width)) {
        column.set_padding(layout.padding);
        if let Some(constraint) = layout.constraint {
            column.set_constraint(constraint);
        }
    }
    trimmed(&table)
}

/// What decides how narrow a column may become.
struct Content {
    /// Width of the longest word in the column, the head included.
    longest_word: u16,
    /// Whether all cells of the column are empty.
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

/// How a column is shown.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// Spaces to the left and to the right.
    padding: (u16, u16),
    constraint: Option<ColumnConstraint>,
}

/// Lays out the columns without splitting words: users copy ids and names of workers. If the words do not fit into the
/// terminal, empty columns are left out. If they still do not fit, the table is wider than the terminal.
fn layouts(columns: &[Content], width: Option<u16>) -> Vec<Layout> {
    const GAP: u16 = 2;
    // A longer word is split, so that one path cannot make a table unreadable.
    const LONGEST_WORD: u16 = 40;
    let widths = columns.iter().map(|column| u32::from(column.longest_word) + u32::from(GAP));
    let fits = width.is_none_or(|width| widths.sum::<u32>() <= u32::from(width) + u32::from(GAP));
    let is_shown = |column: &Content| fits || !column.is_empty;
    let last = columns.iter().rposition(is_shown);
    let layout = |(at, column): (usize, &Content)| {
        let gap = if Some(at) == last { 0 } else { GAP };
        let constraint = match column.longest_word {
            _ if !is_shown(column) => Some(ColumnConstraint::Hidden),
            length @ ..=LONGEST_WORD => Some(ColumnConstraint::LowerBoundary(Width::Fixed(length + gap))),
            _ => None,
        };
        Layout { padding: (0, gap), constraint }
    };
    columns.iter().enumerate().map(layout).collect()
}

/// The fields of one object, one on each line; empty fields are left out.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let mut table = plain();
    let present = fields.iter().filter(|(_, value)| !value.is_empty());
    table.add_rows(present.map(|(name, value)| vec![(*name).to_owned(), safe(value)]));
    table.column_iter_mut().for_each(|column| _ = column.set_padding((0, 2)));
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
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without characters that deceive: control characters except line feeds are replaced, and characters that are
/// invisible or change the direction of text are shown by their numbers, so that two names that look alike are alike.
pub(crate) fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => shown.push(c),
            _ if c.is_control() => shown.push('\u{fffd}'),
            // Scripts and emoji need joiners, but between letters of ASCII they only make another name that looks the same.
            '\u{200c}' | '\u{200d}' if !before.is_ascii() && rest.peek().is_some_and(|next| !next.is_ascii()) => {
                shown.push(c);
            }
            _ if is_visible(c) => shown.push(c),
            _ => shown.extend(c.escape_unicode()),
        }
        before = c;
    }
    shown
}

/// Whether a character shows itself, or joins the one before it visibly.
fn is_visible(c: char) -> bool {
    let is_space = c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}');
    // The standard library escapes what cannot be printed. It would also escape a combining mark that joins nothing.
    is_space || c.is_ascii() || !format!("a{c}").escape_debug().any(|shown| shown == '\\')
}
