//! Limiting a log to its cap: the first half stays, of the rest the end stays, and the blocks between them are freed.
//!
//! Freeing punches a hole into the file, so nothing is written twice and every byte keeps its offset. On a file system
//! without holes the log is kept whole; the shim reports that once.

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

use crate::log::cut::{self, Cut};

/// The tail is cut by one part in this many at a time, so that cuts are rare.
const PARTS: u64 = 16;

/// The largest usual block size of file systems, which free whole blocks only.
const BLOCK: u64 = 4096;

/// The cap of one log, and the part that is cut.
#[derive(Debug)]
pub(super) struct LogCap {
    path: PathBuf,
    cap: u64,
    cut: Cut,
    /// Whether this file system can punch holes.
    can_punch: bool,
}

impl LogCap {
    /// Limits a log to `cap` bytes.
    pub(super) fn new(log: &Path, cap: u64) -> Self {
        let head = cap / 2;
        Self { path: cut::path(log), cap, cut: Cut { from: head, to: head }, can_punch: true }
    }

    /// Cuts a log of `written` bytes to its cap; returns the cut if it has grown.
    pub(super) fn enforce(&mut self, log: &File, written: u64) -> io::Result<Option<Cut>> {
        let tail = self.cap - self.cut.from;
        if !self.can_punch || written.saturating_sub(self.cut.to) <= tail {
            return Ok(None);
        }
        let to = whole_blocks(written.saturating_sub(tail - tail / PARTS), self.cut.to);
        let cut = Cut { from: self.cut.from, to };
        cut::write(&self.path, cut)?;
        let before = self.cut.to;
        self.cut = cut;
        let freed = fallocate(log, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, before, to - before);
        match freed {
            Ok(()) => Ok(Some(cut)),
            Err(error) => {
                self.can_punch = false;
                // Nothing was freed, so the log is still whole.
                self.cut.to = self.cut.from;
                cut::write(&self.path, self.cut)?;
                Err(error.into())
            }
        }
    }
}

/// Whether files in this directory can have holes. Without holes no log is ever cut.
pub(crate) fn supports_holes(dir: &Path) -> io::Result<bool> {
    let path = dir.join(format!("holes-{}.new", std::process::id()));
    let file = File::create(&path)?;
    std::fs::remove_file(&path)?;
    match fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, BLOCK) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Rounds down to whole blocks, so that the next hole starts with one, unless nothing would be left to free.
fn whole_blocks(to: u64, before: u64) -> u64 {
    let rounded = to - to % BLOCK;
    if rounded > before { rounded } else { to }
}
