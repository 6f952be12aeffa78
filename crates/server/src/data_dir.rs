//! The data directory: the names of its files, and how the server writes small private files into it.
//!
//! One server at a time uses a data directory; `lock` ensures that.

pub(crate) mod lock;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::failure::ServeError;

/// The file name of the database.
pub const DATABASE: &str = "trainyard.db";
/// The file in which a running server writes its address, for the command line on the same machine.
pub const URL_FILE: &str = "server.url";
/// The Unix socket on which a running server answers its own user and root.
pub const SOCKET_FILE: &str = "server.sock";
/// The file with the only plain-text copy of the first admin key.
pub(crate) const ADMIN_KEY_FILE: &str = "admin.key";
/// The file with the key that encrypts the secrets in the database.
pub(crate) const SECRET_KEY_FILE: &str = "secret.key";

/// Writes one line as the new content of a file that only the server's user may read.
///
/// The file has either its old or its new content, never a part. The content is on the disk when this function returns.
pub(crate) fn write_private(path: &Path, line: &str) -> io::Result<()> {
    let mut draft = path.file_name().unwrap_or_default().to_owned();
    draft.push(".new");
    let draft = path.with_file_name(draft);
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Turns an error of a file or directory into [`ServeError::Files`].
pub(crate) fn file_error(path: &Path) -> impl Fn(io::Error) -> ServeError + use<> {
    let path: PathBuf = path.to_owned();
    move |error| ServeError::Files { path: path.clone(), error }
}
