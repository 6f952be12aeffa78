//! The login file: the server and the key that `login` saves. Only its owner can read it.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{exit::Failure, paths};

/// A server and the key for it, as the file stores them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) server: String,
    pub(crate) key: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("server", &self.server).field("key", &"***").finish()
    }
}

/// Reads the login file; `None` if it does not exist.
pub(crate) fn read() -> Result<Option<Login>, Failure> {
    let path = paths::login_file();
    match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map(Some).map_err(|_| {
            Failure::Usage(format!("{} is not a valid login file; run `trainyard login` again", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Failure::because(&format!("cannot read {}", path.display()), error))
        }
        Err(_) => Ok(None),
    }
}

/// Writes a new file and renames it over the old one, so that the file is complete and private at every moment.
pub(crate) fn write(path: &Path, login: &Login) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let new = path.with_extension(format!("toml.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text(login).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Writes the values as JSON strings, which are valid TOML strings.
fn text(login: &Login) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!("# Written by `trainyard login`.\nserver = {}\nkey = {}\n", quoted(&login.server), quoted(&login.key))
}
