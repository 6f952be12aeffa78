//! When lines were printed: a side file of marks, each saying from which offset on bytes came at which time or later.
//!
//! A line was printed at the time of the last mark at or before its first byte. Marks are at least a tenth of a second
//! apart, so a time is that exact, and a worker that prints much costs little. What lies in the log's cut has no marks.

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::cut::Cut;

/// How many bytes a mark takes.
pub(crate) const MARK: u64 = 16;

/// From this offset on, bytes came at this time or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Bytes since the worker's start.
    pub offset: u64,
    /// Unix milliseconds.
    pub time_ms: i64,
}

/// Where the marks of a log lie.
pub(crate) fn path(log: &Path) -> PathBuf {
    log.with_extension("times")
}

impl Mark {
    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.offset.to_le_bytes(), self.time_ms.to_le_bytes()].concat()
    }
}

/// The marks of one log, in order.
#[derive(Debug)]
pub(crate) struct Marks {
    file: File,
    count: u64,
}

impl Marks {
    /// Opens the marks of a log; `None` where none were written.
    pub(crate) fn open(log: &Path) -> io::Result<Option<Self>> {
        match File::open(path(log)) {
            Ok(file) => Self::of(file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The marks in an open file.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        let count = file.metadata()?.len() / MARK;
        Ok(Self { file, count })
    }

    /// The mark of this number; `None` where it was freed with the log's cut, or where there is none.
    pub(crate) fn get(&self, number: u64) -> io::Result<Option<Mark>> {
        if number >= self.count {
            return Ok(None);
        }
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, number.saturating_mul(MARK))?;
        let (offset, time) = bytes.split_at(8);
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let mark = Mark { offset: word(offset), time_ms: word(time).cast_signed() };
        Ok((mark.time_ms != 0).then_some(mark))
    }

    /// The number of the first mark after this offset, as far as marks of the cut do not hide it.
    pub(crate) fn first_after(&self, offset: u64, cut: Cut) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            // Those that are freed lie between the head's and the tail's.
            let is_after = self.get(middle)?.map_or(offset < cut.to, |mark| mark.offset > offset);
            if is_after {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }
}

/// A line of a piece and when it was printed; it holds for the lines after it, up to the next that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTime {
    /// How many line ends are before it in the piece.
    pub line: u64,
    /// Where it begins.
    pub offset: u64,
    /// Unix milliseconds.
    pub time_ms: i64,
}

/// When the lines of this piece of a log were printed: told for its beginning and for each line in it whose time differs
/// from that of the line before.
pub(crate) fn of_lines(log: &Path, bytes: &[u8], offset: u64, cut: Cut) -> io::Result<Vec<LineTime>> {
    let Some(marks) = Marks::open(log)? else { return Ok(Vec::new()) };
    let mut next = marks.first_after(offset, cut)?;
    let mut current = match next.checked_sub(1) {
        Some(number) => marks.get(number)?,
        None => None,
    };
    let mut upcoming = marks.get(next)?;
    let mut told: Vec<LineTime> = Vec::new();
    for (line, start) in line_starts(bytes).enumerate() {
        let start = offset.saturating_add(super::length(start));
        while let Some(mark) = upcoming.filter(|mark| mark.offset <= start) {
            current = Some(mark);
            next += 1;
            upcoming = marks.get(next)?;
        }
        let Some(mark) = current else { continue };
        if told.last().is_none_or(|last| last.time_ms != mark.time_ms) {
            told.push(LineTime { line: super::length(line), offset: start, time_ms: mark.time_ms });
        }
    }
    Ok(told)
}

/// Where lines begin, the piece's own beginning included. A carriage return begins one too, as bars do it.
fn line_starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let after_ends = memchr::memchr2_iter(b'\n', b'\r', bytes).map(|end| end + 1).filter(|start| *start < bytes.len());
    std::iter::once(0).chain(after_ends)
}
