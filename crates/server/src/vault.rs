//! The encryption of secrets: the key in the data directory, and the sealed form of a text.
//!
//! The database contains sealed texts only, and a backup does not contain the key. A sealed text belongs to one project,
//! user and name, which are its associated data: a row that was copied to another place cannot be opened there.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use trainyard_domain::{hex, secret::SecretText};
use trainyard_store::SecretPlace;
use zeroize::Zeroizing;

use crate::{
    clock::random,
    data_dir::{SECRET_KEY_FILE, write_private},
    failure::Failure,
};

/// The first part of a sealed text, for a later form.
const FORM: &str = "1:";
/// What the associated data begin with, so that the key seals nothing else.
const PURPOSE: &str = "trainyard secret 1";

/// The key of a server's secrets, or why it has none. `Debug` does not print the key.
#[derive(Debug)]
pub struct Vault(Result<Key, String>);

struct Key {
    sealing: LessSafeKey,
    /// Tells keys apart without revealing them.
    id: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Vault {
    /// Reads the key of a data directory, and creates it if there is none. A server starts without a readable key: only
    /// its secrets cannot be used then.
    pub fn open(data_dir: &Path) -> Self {
        let path = data_dir.join(SECRET_KEY_FILE);
        let key = read(&path).and_then(|found| match found {
            Some(key) => Ok(key),
            None => create(&path),
        });
        Self(key.map_err(|why| {
            let message = format!("secrets cannot be used, because {} {why}", path.display());
            tracing::error!("{message}");
            message
        }))
    }

    /// The id of the key.
    ///
    /// Errors: `Unavailable`, with the reason why the server has no key.
    pub(crate) fn key_id(&self) -> Result<&str, Failure> {
        self.key().map(|key| key.id.as_str())
    }

    /// Whether this server has the key with this id.
    pub(crate) fn opens(&self, key_id: &str) -> bool {
        self.0.as_ref().is_ok_and(|key| key.id == key_id)
    }

    /// Encrypts a text for its place.
    ///
    /// Errors: `Unavailable` without a key.
    pub(crate) fn seal(&self, place: &SecretPlace, text: &SecretText) -> Result<String, Failure> {
        let key = self.key()?;
        // Random nonces of 96 bits may repeat only after billions of secrets under one key.
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut bytes = Zeroizing::new(text.reveal().as_bytes().to_vec());
        let sealed = key.sealing.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated(place)),
            &mut bytes,
        );
        let tag = sealed.map_err(|_| Failure::Internal("a secret could not be encrypted".to_owned()))?;
        let mut written = FORM.to_owned();
        for part in [&nonce[..], &bytes[..], tag.as_ref()] {
            hex::push(&mut written, part);
        }
        Ok(written)
    }

    /// Decrypts the text of a place. The error is the reason, for users.
    pub(crate) fn unseal(&self, place: &SecretPlace, sealed: &str) -> Result<SecretText, String> {
        const DAMAGED: &str =
            "its text in the database is damaged, or was encrypted with another key or for another secret";
        let key = self.0.as_ref().map_err(String::clone)?;
        let damaged = || DAMAGED.to_owned();
        let bytes = sealed.strip_prefix(FORM).and_then(hex::decode_all).map(Zeroizing::new).ok_or_else(damaged)?;
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            key.sealing.open_in_place(nonce, Aad::from(associated(place)), &mut rest).map_err(|_| damaged())?;
        let text = str::from_utf8(opened).map_err(|_| damaged())?;
        SecretText::parse(text).map_err(str::to_owned)
    }

    fn key(&self) -> Result<&Key, Failure> {
        self.0.as_ref().map_err(|why| Failure::Unavailable(why.clone()))
    }
}

/// The place of a text as bytes; each part follows its length, so that no two places have the same bytes.
fn associated(place: &SecretPlace) -> Vec<u8> {
    let parts = [PURPOSE, &place.project, place.user.as_deref().unwrap_or_default(), &place.name];
    let with_length = |part: &str| [&(part.len() as u64).to_be_bytes()[..], part.as_bytes()].concat();
    parts.into_iter().flat_map(with_length).collect()
}

/// Reads the key; `None` if there is no file. The error completes a sentence that begins with the path.
fn read(path: &Path) -> Result<Option<Key>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let bytes = hex::decode::<32>(text.trim()).map(Zeroizing::new);
    let bytes = bytes.ok_or("is not a key of 64 hexadecimal digits; put back the file of this data directory")?;
    // A copy from a backup may have any mode.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| format!("cannot be closed: {error}"))?;
    Key::of(&bytes).map(Some)
}

fn create(path: &Path) -> Result<Key, String> {
    let bytes = random::<32>().map(Zeroizing::new).map_err(|error| format!("cannot be created: {error}"))?;
    let text = Zeroizing::new(hex::encode(&*bytes));
    write_private(path, &text).map_err(|error| format!("cannot be written: {error}"))?;
    Key::of(&bytes)
}

impl Key {
    fn of(bytes: &[u8; 32]) -> Result<Self, String> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).map_err(|_| "is not a key".to_owned())?;
        let hash = Sha256::new().chain_update("trainyard secret key id").chain_update(bytes).finalize();
        let id = hash.get(..4).map(hex::encode).unwrap_or_default();
        Ok(Self { sealing: LessSafeKey::new(key), id })
    }
}
