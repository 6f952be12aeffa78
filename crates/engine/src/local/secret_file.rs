//! The file that carries the secrets of an attempt from the server to the shim. It has no name and lies in memory only, so
//! no disk ever holds the values.
//!
//! The server passes the open file together with the attempt. If the server or the starter dies in between, the file is
//! gone, the attempt has not started, and the next launch passes a new one.

#[cfg(test)]
mod tests;

use std::{fs::File, io, os::unix::fs::FileExt as _};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
};
use trainyard_domain::secret::SecretText;
use zeroize::Zeroizing;

/// Writes the values by the names of their variables; `None` without secrets.
pub(super) fn write(secrets: &[(String, SecretText)]) -> io::Result<Option<File>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<(&str, &str)> = secrets.iter().map(|(name, text)| (name.as_str(), text.reveal())).collect();
    let bytes = Zeroizing::new(serde_json::to_vec(&pairs)?);
    let file = create()?;
    file.write_all_at(&bytes, 0)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(Some(file))
}

/// Linux before 6.3 does not know the flag that forbids the execution of the file; a later one may insist on it.
fn create() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let created = match memfd_create("trainyard-secrets", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create("trainyard-secrets", flags),
        created => created,
    };
    Ok(File::from(created?))
}

/// Reads what [`write`] has written.
pub(super) fn read(file: &File) -> io::Result<Vec<(String, SecretText)>> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(vec![0; length]);
    file.read_exact_at(&mut bytes, 0)?;
    let pairs: Vec<(String, Zeroizing<String>)> = serde_json::from_slice(&bytes)?;
    let text = |text: &str| SecretText::parse(text).map_err(|rule| io::Error::new(io::ErrorKind::InvalidData, rule));
    pairs.into_iter().map(|(name, value)| Ok((name, text(&value)?))).collect()
}
