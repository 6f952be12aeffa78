//! Searching a log for a text: the lines that contain it, with their offsets. Memory does not grow with the log.
//!
//! A line ends at a line feed or a carriage return, as the parts of a progress bar do. The text is compared byte by byte. A
//! line that is too long to be held in memory is searched in pieces, each as a line of its own. The search also
//! finds a match across two pieces.

#[cfg(test)]
mod tests;

use std::io;

use memchr::{memchr2, memmem::Finder, memrchr2};

use super::LogReader;

/// The longest line that is searched as one, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// The maximum number of bytes of a line that a hit shows.
pub const SHOWN: usize = 4 * 1024;

/// How many bytes one read takes.
const PIECE: usize = 1024 * 1024;

/// A line that contains the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The offset of the first byte that is shown.
    pub offset: u64,
    /// The line without its end, or the part around the text; U+FFFD for invalid bytes.
    pub line: String,
    /// Whether a part of the line is left out.
    pub is_part: bool,
}

/// Searches from one offset to before another. Calls `found` for each line that contains the text, in order, with a
/// function that builds the hit. Asks `go_on` before each megabyte and stops where it says no. Returns whether it
/// searched everything.
///
/// The text is not empty and contains no line ends.
pub fn search(
    log: &dyn LogReader,
    from: u64,
    to: u64,
    text: &[u8],
    mut go_on: impl FnMut() -> bool,
    mut found: impl FnMut(&dyn Fn() -> Hit),
) -> io::Result<bool> {
    let finder = Finder::new(text);
    // The bytes that were read and not searched yet: the start of a line.
    let (mut held, mut start_offset): (Vec<u8>, u64) = (Vec::new(), from);
    let mut next = from;
    while next < to {
        if !go_on() {
            return Ok(false);
        }
        let piece = log.read(next, PIECE, to)?;
        if piece.bytes.is_empty() {
            break;
        }
        if piece.offset != next {
            // A line that the cut goes through ends there.
            lines(&held, start_offset, &finder, &mut found);
            held.clear();
            start_offset = piece.offset;
        }
        next = piece.end();
        held.extend_from_slice(&piece.bytes);
        let whole = memrchr2(b'\n', b'\r', &held).map_or(0, |end| end + 1);
        let (done, kept) = match held.len() - whole {
            rest if rest > LONGEST_LINE => (held.len(), text.len().saturating_sub(1)),
            _ => (whole, 0),
        };
        lines(held.get(..done).unwrap_or_default(), start_offset, &finder, &mut found);
        held.drain(..done - kept);
        start_offset = next - super::length(held.len());
    }
    lines(&held, start_offset, &finder, &mut found);
    Ok(true)
}

/// Calls `found` for each line in these bytes that contains the text.
fn lines(bytes: &[u8], start_offset: u64, finder: &Finder<'_>, found: &mut impl FnMut(&dyn Fn() -> Hit)) {
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let mut next = 0;
    while let Some(position) = finder.find(part(next, bytes.len())) {
        let at = next + position;
        let after = at + finder.needle().len();
        let start = memrchr2(b'\n', b'\r', part(0, at)).map_or(0, |end| end + 1);
        let end = memchr2(b'\n', b'\r', part(after, bytes.len())).map_or(bytes.len(), |end| after + end);
        found(&|| hit(part(start, end), start_offset.saturating_add(super::length(start)), at - start));
        next = end;
    }
}

/// The hit in a line that starts at an offset and contains the text `at` bytes from its start.
fn hit(line: &[u8], offset: u64, at: usize) -> Hit {
    if line.len() <= SHOWN {
        return Hit { offset, line: String::from_utf8_lossy(line).into_owned(), is_part: false };
    }
    // A little before the text is shown too, as far as enough bytes follow.
    let from = at.saturating_sub(SHOWN / 4).min(line.len() - SHOWN);
    let inside = |byte: &&u8| from > 0 && (0x80..0xc0).contains(*byte);
    let from = from + line.get(from..).unwrap_or_default().iter().take(3).take_while(inside).count();
    let shown = line.get(from..line.len().min(from + SHOWN)).unwrap_or_default();
    let shown = shown.get(..super::whole_characters(shown)).unwrap_or_default();
    let line = String::from_utf8_lossy(shown).into_owned();
    Hit { offset: offset.saturating_add(super::length(from)), line, is_part: true }
}
