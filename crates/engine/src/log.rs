//! Reading log files by offset.
//!
//! An offset counts bytes from the file's start. A chunk as text ends where a character ends, so that what a follower
//! reads piece by piece is, put together, the text of the whole file, with U+FFFD for bad bytes.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// The longest a character is in bytes; a chunk may be no smaller, or it could not move on.
const LONGEST: usize = 4;

/// A piece of a log as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What was printed, bad bytes replaced.
    pub text: String,
    /// Where it begins.
    pub offset: u64,
    /// Where the next one begins.
    pub next_offset: u64,
    /// How long the file was.
    pub size: u64,
}

/// A piece of a log as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// What was printed.
    pub bytes: Vec<u8>,
    /// Where it begins.
    pub offset: u64,
    /// How long the file was.
    pub size: u64,
}

/// Reads text from this offset on, or from so many bytes before the end if it is negative, at most `limit` bytes, or
/// one character where that is longer.
///
/// A last character of which only a part is there is left for the next chunk; if the log is `complete`, nothing more
/// will come, and it is a bad one. A missing file is an empty log, and an offset beyond the end is the end.
pub fn read(path: &Path, offset: i64, limit: usize, complete: bool) -> io::Result<Chunk> {
    let mut piece = read_bytes(path, offset, limit.max(LONGEST))?;
    if offset < 0 {
        begin_at_character(path, &mut piece)?;
    }
    let is_last = complete && piece.end() == piece.size;
    let kept = if is_last { piece.bytes.len() } else { whole_characters(&piece.bytes) };
    let kept = within(piece.bytes.get(..kept).unwrap_or_default(), limit);
    let text = String::from_utf8_lossy(piece.bytes.get(..kept).unwrap_or_default()).into_owned();
    Ok(Chunk { text, offset: piece.offset, next_offset: piece.offset + length(kept), size: piece.size })
}

/// Reads what is there as it is, with the same offsets.
pub fn read_bytes(path: &Path, offset: i64, limit: usize) -> io::Result<Bytes> {
    let Some(Opened { file, offset, size }) = open(path, offset)? else {
        return Ok(Bytes { bytes: Vec::new(), offset: 0, size: 0 });
    };
    let mut bytes = Vec::new();
    // Not beyond the size that is told, even if the file has grown since: `complete` is judged by it.
    file.take(length(limit).min(size - offset)).read_to_end(&mut bytes)?;
    Ok(Bytes { bytes, offset, size })
}

/// A log file, to be read on from where it stands.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// Where it stands.
    pub offset: u64,
    /// How long it was.
    pub size: u64,
}

/// Opens a log at an offset, which counts from the end if it is negative; `None` where there is no file yet.
pub fn open(path: &Path, offset: i64) -> io::Result<Option<Opened>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let offset = match u64::try_from(offset) {
        Ok(offset) => offset.min(size),
        Err(_) => size.saturating_sub(offset.unsigned_abs()),
    };
    file.seek(SeekFrom::Start(offset))?;
    Ok(Some(Opened { file, offset, size }))
}

impl Bytes {
    /// Where the next piece begins.
    pub fn end(&self) -> u64 {
        self.offset + length(self.bytes.len())
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
fn begin_at_character(path: &Path, piece: &mut Bytes) -> io::Result<()> {
    let back = piece.offset.min(3);
    let from = i64::try_from(piece.offset - back).unwrap_or(i64::MAX);
    let before = read_bytes(path, from, LONGEST * 2)?.bytes;
    let back = usize::try_from(back).unwrap_or_default();
    for start in 0..back {
        let inside = before.get(start..).and_then(first_character).is_some_and(|len| start + len > back);
        if inside {
            let skip = before.get(start..).and_then(first_character).map_or(0, |len| start + len - back);
            let skip = skip.min(piece.bytes.len());
            piece.bytes.drain(..skip);
            piece.offset += length(skip);
            break;
        }
    }
    Ok(())
}

/// The length of the whole and good character with which these bytes begin.
fn first_character(bytes: &[u8]) -> Option<usize> {
    (1..=LONGEST).find(|len| bytes.get(..*len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
