//! The checksum of a backup: one line after the database's last page, with a hash of everything before it.
//!
//! SQLite keeps no checksums: it reads a file that was cut or changed without an error. It ignores what follows the last
//! page, so a copy with this line is a database like any other.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use trainyard_domain::hex;

/// The start of the line; the hash follows, and the end of the line. Never changed: older backups carry it.
const BEFORE: &str = "\nBackup of Trainyard. SHA-256 of all that stands before this line: ";
/// The length of the line in bytes.
const LENGTH: u64 = BEFORE.len() as u64 + 64 + 1;

/// The checksum of a file, compared with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The file has none, as a copy that was made by other means.
    None,
    /// The content is as it was at the time of the backup; the database is this many bytes long.
    Right(u64),
    /// The content has changed since.
    Wrong,
}

/// Appends the line to a file.
pub(super) fn append(path: &Path) -> io::Result<()> {
    let line = line(hash(File::open(path)?)?);
    OpenOptions::new().append(true).open(path)?.write_all(line.as_bytes())
}

/// Reads the line of a file and compares it.
pub(super) fn read(path: &Path) -> io::Result<Checksum> {
    let mut file = File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(LENGTH) else { return Ok(Checksum::None) };
    file.seek(SeekFrom::Start(length))?;
    let mut found = Vec::new();
    (&file).take(LENGTH).read_to_end(&mut found)?;
    if !found.starts_with(BEFORE.as_bytes()) {
        return Ok(Checksum::None);
    }
    file.seek(SeekFrom::Start(0))?;
    let right = line(hash(file.take(length))?);
    Ok(if found == right.as_bytes() { Checksum::Right(length) } else { Checksum::Wrong })
}

fn line(hash: [u8; 32]) -> String {
    format!("{BEFORE}{}\n", hex::encode(&hash))
}

fn hash(bytes: impl Read) -> io::Result<[u8; 32]> {
    let mut bytes = BufReader::with_capacity(1 << 20, bytes);
    let mut hash = Sha256::new();
    loop {
        let piece = io::BufRead::fill_buf(&mut bytes)?;
        if piece.is_empty() {
            return Ok(hash.finalize().into());
        }
        hash.update(piece);
        let count = piece.len();
        io::BufRead::consume(&mut bytes, count);
    }
}
