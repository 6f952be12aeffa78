//! A log file as it is: bytes by offset, however much of it has been cut away.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::cut::{self, Cut};

/// A log that can be read while it grows and is cut.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    cut: PathBuf,
}

/// A piece of a log as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// What was printed.
    pub bytes: Vec<u8>,
    /// Where it begins; later than was asked for where that is cut away.
    pub offset: u64,
    /// Whether it ends where the cut begins.
    pub before_cut: bool,
}

impl Bytes {
    /// Where the next piece begins.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(super::length(self.bytes.len()))
    }
}

impl LogFile {
    /// Opens a log; `None` where there is no file yet.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self { file, cut: cut::path(path) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many bytes were written since the worker's start.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// What is cut away now.
    pub fn cut(&self) -> io::Result<Cut> {
        cut::read(&self.cut)
    }

    /// Reads from this offset on, at most so many bytes and none from `end` on.
    ///
    /// Inside the cut it begins where the cut ends. A piece ends where the cut begins, so that bytes that stand side by
    /// side in it were written one after the other.
    pub fn read(&self, offset: u64, limit: usize, end: u64) -> io::Result<Bytes> {
        let mut cut = self.cut()?;
        loop {
            let at = cut.after(offset);
            let stop = cut.before(at);
            let most = stop.min(end).saturating_sub(at);
            let mut bytes = vec![0; limit.min(usize::try_from(most).unwrap_or(usize::MAX))];
            let length = read_at(&self.file, &mut bytes, at)?;
            bytes.truncate(length);
            let piece = Bytes { bytes, offset: at, before_cut: false };
            // The cut may have come over these bytes while they were read.
            let now = self.cut()?;
            if now == cut || !now.meets(at, piece.end()) {
                return Ok(Bytes { before_cut: piece.end() == now.before(at), ..piece });
            }
            cut = now;
        }
    }
}

/// Fills the buffer as far as the file goes.
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(count) => {
                done += count;
                offset = offset.saturating_add(super::length(count));
                buffer = buffer.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
