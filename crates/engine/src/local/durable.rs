//! Files that are either the old ones or the new ones, whole, whatever is killed and whenever.
//!
//! All are made 0600 in directories that are 0700: launches carry the users' tokens.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::libc;
use rustix::fs::{FallocateFlags, fallocate};

/// Puts the bytes in place of the file; when it returns they survive a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    new.file.sync_all()?;
    fs::rename(&new.path, path)?;
    sync_parent(path)
}

/// Puts the bytes in place of the file; readers see the old or the new ones, a power cut may take both.
pub(crate) fn replace_without_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = write_beside(path, bytes)?;
    fs::rename(&new.path, path)
}

/// Whether a write failed because there was no room for it.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

/// An empty file that has its blocks already, to be put in place of another when no more are to be had.
#[derive(Debug)]
pub(crate) struct Spare {
    path: PathBuf,
    file: File,
}

impl Spare {
    /// Holds so many bytes, in the directory of what it is for.
    pub(crate) fn hold(path: PathBuf, size: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        fallocate(&file, FallocateFlags::KEEP_SIZE, 0, size)?;
        Ok(Self { path, file })
    }

    /// As [`replace`], and then it is used up.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)?;
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        sync_parent(path)
    }

    /// As [`replace_without_sync`], and then it is used up.
    pub(crate) fn replace_without_sync(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)?;
        fs::rename(&self.path, path)
    }

    /// It was not needed.
    pub(crate) fn give_up(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a directory and its parents; existing ones are left as they are.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// When it returns, what this directory lists survives a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

struct New {
    path: PathBuf,
    file: File,
}

/// Two writers of one file must not share the temporary one, hence the pid and the number in its name.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<New> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.new", process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let path = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    if let Err(error) = file.write_all(bytes) {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(New { path, file })
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_dir)
}
