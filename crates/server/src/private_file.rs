//! Small files of the data directory that only the server's own user may read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Puts a line in place of the file, whole or not at all; when it returns the line is on the disk.
pub(crate) fn write(path: &Path, line: &str) -> io::Result<()> {
    let mut draft = path.file_name().unwrap_or_default().to_owned();
    draft.push(".new");
    let draft = path.with_file_name(draft);
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
