//! When lines were printed: a file of marks beside the log. A mark says that the bytes from its offset on came at its time
//! or later.
//!
//! The time of a line is that of the last mark at or before its first byte. Marks are at least a tenth of a second apart:
//! a time is that exact, and a worker that prints much costs little. The cut part of a log has no marks.

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use trainyard_domain::time::WallTime;

use super::cut::Cut;

/// The size of a mark in the file, in bytes.
pub(crate) const MARK: u64 = 16;

/// The bytes from an offset on came at a time or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Bytes since the worker's start.
    pub offset: u64,
    /// The time of the mark. The value zero stands for a mark that the cut freed.
    pub time: WallTime,
}

/// The file of marks of a log.
pub(crate) fn path(log: &Path) -> PathBuf {
    log.with_extension("times")
}

impl Mark {
    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.offset.to_le_bytes(), self.time.as_ms().to_le_bytes()].concat()
    }
}

/// An open file of marks, in the order of offsets.
#[derive(Debug)]
pub(crate) struct Marks {
    file: File,
    count: u64,
}

impl Marks {
    /// Opens the marks of a log; `None` where there is no file.
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

    /// The mark with this number, from 0; `None` where the cut freed it, or beyond the last one.
    pub(crate) fn get(&self, number: u64) -> io::Result<Option<Mark>> {
        if number >= self.count {
            return Ok(None);
        }
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, number.saturating_mul(MARK))?;
        let (offset, time) = bytes.split_at(8);
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        let mark = Mark { offset: word(offset), time: WallTime::from_ms(word(time).cast_signed()) };
        Ok((mark.time != WallTime::from_ms(0)).then_some(mark))
    }

    /// The number of the first mark after this offset. Marks that the cut freed count as part of the cut.
    pub(crate) fn first_after(&self, offset: u64, cut: Cut) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            // Freed marks lie between the marks of the head and those of the tail.
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

/// A line of a piece and when it was printed. The time holds for the lines after it too, up to the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTime {
    /// How many line ends come before it in the piece.
    pub line: u64,
    /// The offset of the line's first byte.
    pub offset: u64,
    /// When it was printed.
    pub time: WallTime,
}

/// When the lines of this piece of a log file were printed, as [`super::LogReader::line_times`] says it.
pub(crate) fn of_lines(log: &Path, bytes: &[u8], offset: u64, cut: Cut) -> io::Result<Vec<LineTime>> {
    let Some(marks) = Marks::open(log)? else { return Ok(Vec::new()) };
    by_marks(bytes, offset, marks.first_after(offset, cut)?, |number| marks.get(number))
}

/// The same by marks from anywhere: `next` is the number of the first mark after `offset`, and `get` returns a mark by its
/// number.
pub(crate) fn by_marks(
    bytes: &[u8],
    offset: u64,
    mut next: u64,
    get: impl Fn(u64) -> io::Result<Option<Mark>>,
) -> io::Result<Vec<LineTime>> {
    let mut current = match next.checked_sub(1) {
        Some(number) => get(number)?,
        None => None,
    };
    let mut upcoming = get(next)?;
    let mut times: Vec<LineTime> = Vec::new();
    for (line, start) in line_starts(bytes).enumerate() {
        let start = offset.saturating_add(super::length(start));
        while let Some(mark) = upcoming.filter(|mark| mark.offset <= start) {
            current = Some(mark);
            next += 1;
            upcoming = get(next)?;
        }
        let Some(mark) = current else { continue };
        if times.last().is_none_or(|last| last.time != mark.time) {
            times.push(LineTime { line: super::length(line), offset: start, time: mark.time });
        }
    }
    Ok(times)
}

/// The starts of lines, that of the piece included. A carriage return starts a line too, as progress bars use it.
fn line_starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let after_ends = memchr::memchr2_iter(b'\n', b'\r', bytes).map(|end| end + 1).filter(|start| *start < bytes.len());
    std::iter::once(0).chain(after_ends)
}
