//! The logs of workers, wherever an engine keeps them, and reading them by offset.
//!
//! An offset counts bytes from the worker's start and never changes, even when a part of the log is cut away. A chunk of
//! text ends where a character ends. So the chunks that a follower reads one after the other make up the text of the whole
//! log, with U+FFFD for invalid bytes.

pub(crate) mod cut;
mod file;
pub mod search;
#[cfg(test)]
mod tests;
pub(crate) mod times;

pub use cut::Cut;
pub use file::{FileSource, LogFile};
pub use times::{LineTime, Mark};

use std::{fmt, io, path::Path, sync::Arc};

/// The longest character in bytes. A chunk is never smaller, so that a reader can always move on.
const LONGEST: usize = 4;

/// Where the log of one worker in one attempt is read. A file is one kind.
///
/// The methods of a source and of its reader block; a caller that is asynchronous calls them on a thread of their own.
pub trait LogSource: fmt::Debug + Send + Sync {
    /// Names the log in messages to people.
    fn name(&self) -> String;

    /// The file on this host that holds the log; `None` where the log is kept elsewhere. It may not exist yet.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// How many bytes were written since the worker's start; 0 while there is no log.
    fn size(&self) -> io::Result<u64>;

    /// Opens the log for any number of reads; `None` while there is no log.
    fn open(&self) -> io::Result<Option<Arc<dyn LogReader>>>;
}

/// An open log. It stays readable while the log grows, is cut, or is deleted.
pub trait LogReader: fmt::Debug + Send + Sync {
    /// How many bytes were written since the worker's start.
    fn size(&self) -> io::Result<u64>;

    /// The part of the log that is cut away now.
    fn cut(&self) -> io::Result<Cut>;

    /// Reads from this offset on, at most `limit` bytes and none at or after `end`.
    ///
    /// A read inside the cut starts where the cut ends. A piece ends where the cut starts, so that bytes that are
    /// neighbours in a piece were written one after the other.
    fn read(&self, offset: u64, limit: usize, end: u64) -> io::Result<Bytes>;

    /// When the lines of a piece were printed: one entry for the start of the piece and one for each line with
    /// another time than the line before. Empty where no times were recorded.
    fn line_times(&self, piece: &Bytes) -> io::Result<Vec<LineTime>>;
}

/// A piece of a log as raw bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// The bytes as the worker printed them.
    pub bytes: Vec<u8>,
    /// The offset of the first byte. It is larger than the offset of the request where that lies in the cut.
    pub offset: u64,
    /// Whether the piece ends where the cut starts.
    pub before_cut: bool,
}

impl Bytes {
    /// The offset of the next piece.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(length(self.bytes.len()))
    }
}

/// A piece of a log as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The text, with U+FFFD for invalid bytes.
    pub text: String,
    /// The offset of the chunk's first byte.
    pub offset: u64,
    /// The offset of the next chunk.
    pub next_offset: u64,
    /// How many bytes had been written when the chunk was read.
    pub size: u64,
    /// How many bytes after the requested offset are missing because they are cut away.
    pub skipped: u64,
}

/// Reads text from this offset on, at most `limit` bytes, or one character where that is longer. A negative offset counts
/// from the end of the log.
///
/// An incomplete last character is left for the next chunk. Where the log is `complete`, or is cut there, the rest of the
/// character never comes and it becomes U+FFFD. Without a log the chunk is empty. An offset beyond the end means the end.
pub fn read(source: &dyn LogSource, offset: i64, limit: usize, complete: bool) -> io::Result<Chunk> {
    let Some(log) = source.open()? else { return Ok(Chunk::default()) };
    let size = log.size()?;
    read_chunk(log.as_ref(), size, offset, limit, complete)
}

/// [`read`] of the first `size` bytes of a log. Later bytes are left for a later chunk.
pub fn read_chunk(log: &dyn LogReader, size: u64, offset: i64, limit: usize, complete: bool) -> io::Result<Chunk> {
    let asked = resolve_offset(offset, size);
    // No byte beyond `size`, even if the log has grown since: `complete` holds for that size.
    let mut piece = log.read(asked, limit.max(LONGEST), size)?;
    let is_cut = piece.offset > asked;
    if is_cut {
        start_after_cut(&mut piece);
    } else if offset < 0 {
        start_at_character(log, &mut piece)?;
    }
    let is_last = complete && piece.end() == size || piece.before_cut;
    let kept = if is_last { piece.bytes.len() } else { whole_characters(&piece.bytes) };
    let kept = within(piece.bytes.get(..kept).unwrap_or_default(), limit);
    let bytes = piece.bytes.get(..kept).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let skipped = if is_cut { piece.offset - asked } else { 0 };
    Ok(Chunk { text, offset: piece.offset, next_offset: piece.offset + length(kept), size, skipped })
}

/// The times of a chunk's lines, from [`LogReader::line_times`].
pub fn line_times(log: &dyn LogReader, chunk: &Chunk) -> io::Result<Vec<LineTime>> {
    let length = usize::try_from(chunk.next_offset - chunk.offset).unwrap_or(usize::MAX);
    let piece = log.read(chunk.offset, length, chunk.next_offset)?;
    // The bytes of the chunk have been cut away since.
    if piece.offset != chunk.offset {
        return Ok(Vec::new());
    }
    log.line_times(&piece)
}

/// The offset that a request means in a log of this size: a negative one counts from the end.
pub fn resolve_offset(offset: i64, size: u64) -> u64 {
    match u64::try_from(offset) {
        Ok(offset) => offset.min(size),
        Err(_) => size.saturating_sub(offset.unsigned_abs()),
    }
}

/// How many of these bytes can be decoded now: all but an incomplete last character.
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

/// How many of these bytes fit into the limit: whole characters, and always the first one.
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

/// An offset counted from the end may lie inside a character; then the piece starts after that character.
fn start_at_character(log: &dyn LogReader, piece: &mut Bytes) -> io::Result<()> {
    let from = piece.offset - piece.offset.min(3);
    let before = log.read(from, LONGEST * 2, u64::MAX)?;
    // If the cut ends shortly before the piece, there are fewer bytes or none.
    let back = usize::try_from(piece.offset.saturating_sub(before.offset)).unwrap_or_default();
    for start in 0..back {
        let len = before.bytes.get(start..).and_then(first_character).unwrap_or_default();
        if start + len > back {
            drop_front(piece, start + len - back);
            break;
        }
    }
    Ok(())
}

/// The cut may end inside a character; the rest of that character is dropped.
fn start_after_cut(piece: &mut Bytes) {
    let is_rest = |byte: &&u8| (0x80..0xc0).contains(*byte);
    drop_front(piece, piece.bytes.iter().take(LONGEST - 1).take_while(is_rest).count());
}

fn drop_front(piece: &mut Bytes, bytes: usize) {
    let bytes = bytes.min(piece.bytes.len());
    piece.bytes.drain(..bytes);
    piece.offset += length(bytes);
}

/// The length of the valid character at the start of these bytes.
fn first_character(bytes: &[u8]) -> Option<usize> {
    (1..=LONGEST).find(|len| bytes.get(..*len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
