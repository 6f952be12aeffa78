//! The cut of a log that grew too long: which bytes between its head and its tail are gone.
//!
//! A small file beside the log records the cut. The shim writes it before it frees the bytes. A reader that reads the cut,
//! the bytes and the cut again therefore knows whether the bytes were still there, even if the shim is killed in between.
//! The record is written in place, since a full disk has no room for a new file.

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// How often a record is read again that the shim is writing at this moment.
const LOOKS: usize = 1000;

/// The bytes from one offset to before another are gone; none where both offsets are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The offset at which the head ends.
    pub from: u64,
    /// The offset at which the tail starts.
    pub to: u64,
}

/// The file that records the cut of a log.
pub(crate) fn path(log: &Path) -> PathBuf {
    log.with_extension("cut")
}

/// Reads the record of a cut; no bytes are gone where there is no record.
pub(crate) fn read(path: &Path) -> io::Result<Cut> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Cut::default()),
        Err(error) => return Err(error),
    };
    for _ in 0..LOOKS {
        let mut bytes = [0; 24];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            // The shim created the record and has not filled it yet, so no byte is freed yet.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Cut::default()),
            Err(error) => return Err(error),
        }
        if let Some(cut) = parse(&bytes) {
            return Ok(cut);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display())))
}

/// Writes the record; once this returns, every reader sees it.
pub(crate) fn write(path: &Path, cut: Cut) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let words = [cut.from, cut.to, check(cut)];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    file.write_all_at(&bytes, 0)
}

impl Cut {
    /// The first offset at or after this one with a byte that is not gone.
    pub fn after(self, offset: u64) -> u64 {
        if (self.from..self.to).contains(&offset) { self.to } else { offset }
    }

    /// The latest end of a piece that starts at this offset.
    pub(crate) fn before(self, offset: u64) -> u64 {
        if self.from < self.to && offset < self.from { self.from } else { u64::MAX }
    }

    /// Whether any byte from one offset to before another is gone.
    pub(crate) fn meets(self, from: u64, to: u64) -> bool {
        from.max(self.from) < to.min(self.to)
    }
}

fn parse(bytes: &[u8; 24]) -> Option<Cut> {
    let mut words = bytes.chunks_exact(8).map(|word| word.try_into().map(u64::from_le_bytes));
    let mut next = || words.next()?.ok();
    let cut = Cut { from: next()?, to: next()? };
    (next()? == check(cut) && cut.from <= cut.to).then_some(cut)
}

/// A checksum: a reader may see a record that is only partly overwritten.
fn check(cut: Cut) -> u64 {
    !(cut.from.rotate_left(32) ^ cut.to)
}
