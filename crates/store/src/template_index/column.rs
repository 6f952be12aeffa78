//! One text of each of 64 templates, in one piece of memory: one search runs over all of them, which is many times quicker
//! than visits to 64 separate texts.

use memchr::memmem::Finder;

/// How many texts one column has: one for each bit of a number.
pub(super) const ROWS: usize = 64;
/// Up to this number of requested texts are searched one by one.
const FEW: u32 = 16;
/// How many bytes more than needed a column allocates when it grows.
const SPARE: usize = 512;
/// Stands after each text. No text contains it, so nothing is found across the border of two.
pub(super) const END: u8 = 0xff;

/// The texts, in the order of their rows.
pub(super) struct Column {
    bytes: Vec<u8>,
    /// Where each text ends, after its [`END`].
    ends: [u32; ROWS],
}

impl Default for Column {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: [0; ROWS] }
    }
}

impl Column {
    /// The text of a row, without its end.
    pub(super) fn get(&self, row: usize) -> &[u8] {
        let text = self.with_end(row);
        text.strip_suffix(&[END]).unwrap_or(text)
    }

    /// Replaces the text of a row.
    pub(super) fn set(&mut self, row: usize, text: &[u8]) {
        let (from, to) = self.range(row);
        let with_end = if text.is_empty() { 0 } else { text.len() + 1 };
        if self.bytes.len() + with_end > self.bytes.capacity() + (to - from) {
            self.bytes.reserve_exact(with_end + SPARE);
        }
        let end = (with_end > 0).then_some(END);
        self.bytes.splice(from..to, text.iter().copied().chain(end));
        // Bodies of requests are small: 64 of them are far from four gigabytes.
        for later in self.ends.iter_mut().skip(row) {
            let moved = *later as usize + with_end - (to - from);
            *later = u32::try_from(moved).unwrap_or(u32::MAX);
        }
    }

    /// Which of the requested rows, a bit for each, contain the pattern.
    pub(super) fn containing(&self, pattern: &Finder<'_>, requested: u64) -> u64 {
        if requested.count_ones() <= FEW {
            return self.containing_by_row(pattern, requested);
        }
        let mut found = 0;
        let mut from = 0;
        let mut rows = self.ends.iter().map(|end| *end as usize).enumerate();
        while let Some(at) = self.bytes.get(from..).and_then(|rest| pattern.find(rest)) {
            let Some((row, end)) = rows.find(|(_, end)| *end > from + at) else {
                break;
            };
            found |= 1 << row;
            from = end;
        }
        found & requested
    }

    fn containing_by_row(&self, pattern: &Finder<'_>, mut requested: u64) -> u64 {
        let mut found = 0;
        while requested != 0 {
            let row = requested.trailing_zeros();
            if pattern.find(self.with_end(row as usize)).is_some() {
                found |= 1 << row;
            }
            requested &= requested - 1;
        }
        found
    }

    fn with_end(&self, row: usize) -> &[u8] {
        let (from, to) = self.range(row);
        self.bytes.get(from..to).unwrap_or_default()
    }

    fn range(&self, row: usize) -> (usize, usize) {
        let end = |row: usize| self.ends.get(row).map_or(0, |end| *end as usize);
        (row.checked_sub(1).map_or(0, end), end(row))
    }
}
