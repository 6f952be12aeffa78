//! One text of each of 64 templates, one behind the other: a search runs over all of them in one go, which is many times
//! quicker than to visit 64 texts wherever they may lie.

use memchr::memmem::Finder;

/// How many texts stand in one column: one for each bit of a number.
pub(super) const ROWS: usize = 64;
/// Up to so many wanted texts are visited one by one.
const FEW: u32 = 16;
/// How many bytes more than needed a column asks for when it grows.
const SPARE: usize = 512;
/// Stands behind each text. No text holds it, so nothing is found across the border of two.
pub(super) const END: u8 = 0xff;

/// The texts.
pub(super) struct Column {
    bytes: Vec<u8>,
    /// Where each text ends, behind its [`END`].
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

    /// Puts a text in place of the one of a row.
    pub(super) fn set(&mut self, row: usize, text: &[u8]) {
        let (from, to) = self.range(row);
        let with_end = if text.is_empty() { 0 } else { text.len() + 1 };
        if self.bytes.len() + with_end > self.bytes.capacity() + (to - from) {
            self.bytes.reserve_exact(with_end + SPARE);
        }
        let end = (with_end > 0).then_some(END);
        self.bytes.splice(from..to, text.iter().copied().chain(end));
        // Bodies are small: 64 of them are far from four gigabytes.
        for later in self.ends.iter_mut().skip(row) {
            let moved = *later as usize + with_end - (to - from);
            *later = u32::try_from(moved).unwrap_or(u32::MAX);
        }
    }

    /// Which of the wanted rows, a bit for each, hold what is searched.
    pub(super) fn holding(&self, sought: &Finder<'_>, wanted: u64) -> u64 {
        if wanted.count_ones() <= FEW {
            return self.holding_by_row(sought, wanted);
        }
        let mut found = 0;
        let mut from = 0;
        let mut rows = self.ends.iter().map(|end| *end as usize).enumerate();
        while let Some(at) = self.bytes.get(from..).and_then(|rest| sought.find(rest)) {
            let Some((row, end)) = rows.find(|(_, end)| *end > from + at) else {
                break;
            };
            found |= 1 << row;
            from = end;
        }
        found & wanted
    }

    fn holding_by_row(&self, sought: &Finder<'_>, mut wanted: u64) -> u64 {
        let mut found = 0;
        while wanted != 0 {
            let row = wanted.trailing_zeros();
            if sought.find(self.with_end(row as usize)).is_some() {
                found |= 1 << row;
            }
            wanted &= wanted - 1;
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
