//! Reading log files by offset.
//!
//! An offset counts bytes from the worker's start and never changes, whatever is cut away. A chunk as text ends where a
//! character ends, so that what a follower reads piece by piece is, put together, the text of the whole file, with
//! U+FFFD for bad bytes.

pub(crate) mod cut;
mod file;
pub mod search;
#[cfg(test)]
mod tests;
pub(crate) mod times;

pub use cut::Cut;
pub use file::{Bytes, LogFile};
pub use times::{LineTime, Mark};

use std::{io, path::Path};

/// The longest a character is in bytes; a chunk may be no smaller, or it could not move on.
const LONGEST: usize = 4;

/// A piece of a log as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// What was printed, bad bytes replaced.
    pub text: String,
    /// Where it begins.
    pub offset: u64,
    /// Where the next one begins.
    pub next_offset: u64,
    /// How many bytes had been written.
    pub size: u64,
    /// How many bytes from the one that was asked for on are not told because they are cut away.
    pub skipped: u64,
}

/// Reads text from this offset on, or from so many bytes before the end if it is negative, at most `limit` bytes, or
/// one character where that is longer.
///
/// A last character of which only a part is there is left for the next chunk; if the log is `complete`, or is cut away
/// there, nothing more will come, and it is a bad one. A missing file is an empty log, and an offset beyond the end is
/// the end.
pub fn read(path: &Path, offset: i64, limit: usize, complete: bool) -> io::Result<Chunk> {
    let Some(log) = LogFile::open(path)? else { return Ok(Chunk::default()) };
    let size = log.size()?;
    read_of(&log, size, offset, limit, complete)
}

/// [`read`] of a log as if it had no more than `size` bytes; what came since is for a later one.
pub fn read_of(log: &LogFile, size: u64, offset: i64, limit: usize, complete: bool) -> io::Result<Chunk> {
    let asked = place(offset, size);
    // Not beyond the size that is told, even if the file has grown since: `complete` is judged by it.
    let mut piece = log.read(asked, limit.max(LONGEST), size)?;
    let is_cut = piece.offset > asked;
    if is_cut {
        begin_after_cut(&mut piece);
    } else if offset < 0 {
        begin_at_character(log, &mut piece)?;
    }
    let is_last = complete && piece.end() == size || piece.before_cut;
    let kept = if is_last { piece.bytes.len() } else { whole_characters(&piece.bytes) };
    let kept = within(piece.bytes.get(..kept).unwrap_or_default(), limit);
    let bytes = piece.bytes.get(..kept).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let skipped = if is_cut { piece.offset - asked } else { 0 };
    Ok(Chunk { text, offset: piece.offset, next_offset: piece.offset + length(kept), size, skipped })
}

/// When the lines of a chunk were printed: for its beginning and for each line in it whose time differs from that of
/// the line before. Empty where no times were noted.
pub fn line_times(path: &Path, chunk: &Chunk) -> io::Result<Vec<LineTime>> {
    let Some(log) = LogFile::open(path)? else { return Ok(Vec::new()) };
    let length = usize::try_from(chunk.next_offset - chunk.offset).unwrap_or(usize::MAX);
    let piece = log.read(chunk.offset, length, chunk.next_offset)?;
    if piece.offset != chunk.offset {
        return Ok(Vec::new());
    }
    times::of_lines(path, &piece.bytes, piece.offset, log.cut()?)
}

/// The offset that is meant in a log of this size: one that is negative counts from the end.
pub fn place(offset: i64, size: u64) -> u64 {
    match u64::try_from(offset) {
        Ok(offset) => offset.min(size),
        Err(_) => size.saturating_sub(offset.unsigned_abs()),
    }
}

/// How many of these bytes can be decoded now: all but a last character of which only the beginning is there.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut done = 0;
    loop {
        let rest = bytes.get(done..).unwrap_or_default();
        match std::str::from_utf8(rest) {
            Ok(_) => return bytes.len(),
            Err(error) => match error.error_len() {
                Some(bad) => done += error.valid_up_to() + bad,
                None => return done + error.valid_up_to(),
            },
        }
    }
}

/// How many of these bytes a reader gets who wants so few: whole characters, and the first one in any case.
fn within(bytes: &[u8], limit: usize) -> usize {
    if bytes.len() <= limit {
        return bytes.len();
    }
    let characters = bytes.utf8_chunks().flat_map(|chunk| {
        let bad = Some(chunk.invalid().len()).filter(|len| *len > 0);
        chunk.valid().chars().map(char::len_utf8).chain(bad)
    });
    let mut end = 0;
    for len in characters {
        if end > 0 && end + len > limit {
            break;
        }
        end += len;
    }
    end
}

/// A place counted from the end may lie inside a character; then the piece begins after it.
fn begin_at_character(log: &LogFile, piece: &mut Bytes) -> io::Result<()> {
    let from = piece.offset - piece.offset.min(3);
    let before = log.read(from, LONGEST * 2, u64::MAX)?;
    // Less, or nothing, where the cut ends a few bytes before.
    let back = usize::try_from(piece.offset.saturating_sub(before.offset)).unwrap_or_default();
    for start in 0..back {
        let len = before.bytes.get(start..).and_then(first_character).unwrap_or_default();
        if start + len > back {
            begin_later(piece, start + len - back);
            break;
        }
    }
    Ok(())
}

/// The cut may have ended inside a character; what is left of it says nothing.
fn begin_after_cut(piece: &mut Bytes) {
    let is_rest = |byte: &&u8| (0x80..0xc0).contains(*byte);
    begin_later(piece, piece.bytes.iter().take(LONGEST - 1).take_while(is_rest).count());
}

fn begin_later(piece: &mut Bytes, bytes: usize) {
    let bytes = bytes.min(piece.bytes.len());
    piece.bytes.drain(..bytes);
    piece.offset += length(bytes);
}

/// The length of the whole and good character with which these bytes begin.
fn first_character(bytes: &[u8]) -> Option<usize> {
    (1..=LONGEST).find(|len| bytes.get(..*len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
