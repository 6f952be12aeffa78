//! The seal of a backup: one line after the database's last page that says by a hash what stands before it.
//!
//! SQLite keeps no sums: it reads a file that was cut or changed as if nothing were missing. It ignores what follows the
//! last page, so a sealed copy is a database like any other.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use trainyard_domain::hex;

/// What the line begins with; the hash follows, and the line's end.
const BEFORE: &str = "\nBackup of Trainyard. SHA-256 of all that stands before this line: ";
/// How many bytes the line has.
const LENGTH: u64 = BEFORE.len() as u64 + 64 + 1;

/// What a file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// There is none, as on a copy that was made by other means.
    None,
    /// All is as it was when it was sealed; so many bytes are the database.
    Whole(u64),
    /// Something was changed since.
    Broken,
}

/// Ends the file with its seal.
pub(super) fn put_on(path: &Path) -> io::Result<()> {
    let line = line(hash(File::open(path)?)?);
    OpenOptions::new().append(true).open(path)?.write_all(line.as_bytes())
}

/// Looks at the seal of a file.
pub(super) fn read(path: &Path) -> io::Result<Seal> {
    let mut file = File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(LENGTH) else { return Ok(Seal::None) };
    file.seek(SeekFrom::Start(length))?;
    let mut found = Vec::new();
    (&file).take(LENGTH).read_to_end(&mut found)?;
    if !found.starts_with(BEFORE.as_bytes()) {
        return Ok(Seal::None);
    }
    file.seek(SeekFrom::Start(0))?;
    let right = line(hash(file.take(length))?);
    Ok(if found == right.as_bytes() { Seal::Whole(length) } else { Seal::Broken })
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
