//! Atomic replacement of files: whatever is killed and whenever, a file has its whole old or its whole new content.
//!
//! Files get mode 0600 and directories 0700, because launches contain tokens of users.

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

/// Replaces a file. Once this returns, the new content survives a power cut.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = write_beside(path, bytes)?;
    temp.file.sync_all()?;
    fs::rename(&temp.path, path)?;
    sync_parent(path)
}

/// Replaces a file without syncing it. Readers see the old or the new content; a power cut may lose both.
pub(crate) fn replace_without_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = write_beside(path, bytes)?;
    fs::rename(&temp.path, path)
}

/// Whether a write failed because the disk or the quota is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

/// An empty file with allocated disk blocks, which can replace another file when the disk is full.
#[derive(Debug)]
pub(crate) struct ReservedFile {
    path: PathBuf,
    file: File,
}

impl ReservedFile {
    /// Allocates `size` bytes. The path must be in the directory of the file that this one will replace.
    pub(crate) fn allocate(path: PathBuf, size: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        fallocate(&file, FallocateFlags::KEEP_SIZE, 0, size)?;
        Ok(Self { path, file })
    }

    /// Like [`replace`], by renaming the reserved file; works once.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)?;
        self.file.sync_all()?;
        fs::rename(&self.path, path)?;
        sync_parent(path)
    }

    /// Like [`replace_without_sync`], by renaming the reserved file; works once.
    pub(crate) fn replace_without_sync(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)?;
        fs::rename(&self.path, path)
    }

    /// Deletes the reserved file.
    pub(crate) fn delete(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Creates a directory and its parents; existing ones stay unchanged.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Syncs a directory: once this returns, its entries survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

struct TempFile {
    path: PathBuf,
    file: File,
}

/// Writes a temporary file in the same directory. The pid and the number in its name keep two writers of one file apart.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<TempFile> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.new", process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let path = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    if let Err(error) = file.write_all(bytes) {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(TempFile { path, file })
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_dir)
}
