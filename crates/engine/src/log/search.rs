//! Looking for a text in a log: the lines that hold it, with their offsets, in memory that does not grow with the log.
//!
//! A line ends at a line feed or a carriage return, as the parts of a bar do. The text is looked for as it is, byte by
//! byte. Of a line that is too long to be held, pieces are looked at, each as a line of its own; no place is missed
//! where two of them meet.

#[cfg(test)]
mod tests;

use std::io;

use memchr::{memchr2, memmem::Finder, memrchr2};

use super::LogFile;

/// The longest line that is looked at as one, in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// How much of a line is told at the most, in bytes.
pub const SHOWN: usize = 4 * 1024;

/// How much is read at once.
const PIECE: usize = 1024 * 1024;

/// A line that holds the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where what is told of it begins.
    pub offset: u64,
    /// The line without its end, or so much of it round the text as is told; bad bytes replaced.
    pub line: String,
    /// Whether some of the line is left out.
    pub is_part: bool,
}

/// Looks through what lies from one offset to before another, and tells of each line that holds the text, in order, with
/// a way to have it. `go_on` is asked after each megabyte. Answers whether all was looked through.
///
/// The text is not empty and holds no line ends.
pub fn search(
    log: &LogFile,
    from: u64,
    to: u64,
    text: &[u8],
    mut go_on: impl FnMut() -> bool,
    mut tell: impl FnMut(&dyn Fn() -> Hit),
) -> io::Result<bool> {
    let finder = Finder::new(text);
    // What has been read and not yet looked at: the beginning of a line.
    let (mut held, mut begins): (Vec<u8>, u64) = (Vec::new(), from);
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
            // The line that the cut went through ends there.
            lines(&held, begins, &finder, &mut tell);
            held.clear();
            begins = piece.offset;
        }
        next = piece.end();
        held.extend_from_slice(&piece.bytes);
        let whole = memrchr2(b'\n', b'\r', &held).map_or(0, |end| end + 1);
        let (done, kept) = match held.len() - whole {
            rest if rest > LONGEST_LINE => (held.len(), text.len().saturating_sub(1)),
            _ => (whole, 0),
        };
        lines(held.get(..done).unwrap_or_default(), begins, &finder, &mut tell);
        held.drain(..done - kept);
        begins = next - super::length(held.len());
    }
    lines(&held, begins, &finder, &mut tell);
    Ok(true)
}

/// Tells of each line in these bytes that holds the text.
fn lines(bytes: &[u8], begins: u64, finder: &Finder<'_>, tell: &mut impl FnMut(&dyn Fn() -> Hit)) {
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let mut next = 0;
    while let Some(found) = finder.find(part(next, bytes.len())) {
        let at = next + found;
        let after = at + finder.needle().len();
        let start = memrchr2(b'\n', b'\r', part(0, at)).map_or(0, |end| end + 1);
        let end = memchr2(b'\n', b'\r', part(after, bytes.len())).map_or(bytes.len(), |end| after + end);
        tell(&|| hit(part(start, end), begins.saturating_add(super::length(start)), at - start));
        next = end;
    }
}

/// What is told of a line that begins at an offset and holds the text so many bytes from its beginning.
fn hit(line: &[u8], offset: u64, at: usize) -> Hit {
    if line.len() <= SHOWN {
        return Hit { offset, line: String::from_utf8_lossy(line).into_owned(), is_part: false };
    }
    // A little of what is before, as far as there is enough behind.
    let from = at.saturating_sub(SHOWN / 4).min(line.len() - SHOWN);
    let inside = |byte: &&u8| from > 0 && (0x80..0xc0).contains(*byte);
    let from = from + line.get(from..).unwrap_or_default().iter().take(3).take_while(inside).count();
    let shown = line.get(from..line.len().min(from + SHOWN)).unwrap_or_default();
    let shown = shown.get(..super::whole_characters(shown)).unwrap_or_default();
    let line = String::from_utf8_lossy(shown).into_owned();
    Hit { offset: offset.saturating_add(super::length(from)), line, is_part: true }
}
