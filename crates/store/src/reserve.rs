//! The disk reserve: when a disk counts as full, and the space that the database keeps for changes even then.
//!
//! The log of the database gets blocks beyond its end before they are needed, and the database has free pages with blocks
//! of their own. No other process can take those, however fast it writes, while the space of a file that is deleted in
//! need may be gone before the change is made. File systems that write everything to a new place, or cannot allocate blocks
//! in advance, have only the limit.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate, fstatvfs, statvfs};
use trainyard_domain::capacity::disk_reserve;

use crate::error::StoreError;

/// SQLite's page size in bytes.
const PAGE: u64 = 4096;

/// The maximum number of pages of the database that are kept free: a thousand jobs can end in them.
const MOST_PAGES: u64 = 256;

/// The disk of a database.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// The disk of this database.
    pub(crate) fn of(database: &Path) -> Self {
        Self(database.to_owned())
    }

    /// [`StoreError::DiskFull`] if less than the reserve is free. A disk that does not answer counts as not full.
    pub(crate) fn has_space(&self) -> Result<(), StoreError> {
        match statvfs(&self.0) {
            Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < reserve_of(&disk) => Err(StoreError::DiskFull),
            _ => Ok(()),
        }
    }
}

fn reserve_of(disk: &rustix::fs::StatVfs) -> u64 {
    disk_reserve(disk.f_blocks.saturating_mul(disk.f_frsize))
}

/// The space that is reserved for a database.
///
/// Both files stay open as long as the connection: closing one gives up the locks that SQLite has on it.
pub(crate) struct Reserve {
    disk: Disk,
    database: File,
    /// How many bytes of the database have blocks.
    allocated: u64,
    log: PathBuf,
    log_file: Option<File>,
    log_size: u64,
    /// How many pages of the database should be free.
    pages: u64,
}

impl Reserve {
    /// The reserve of this database, which is open.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let database = OpenOptions::new().read(true).write(true).open(path)?;
        let reserve = reserve_of(&fstatvfs(&database)?);
        Ok(Self {
            disk: Disk::of(path),
            database,
            allocated: 0,
            log: log.into(),
            log_file: None,
            log_size: reserve / 2,
            pages: (reserve / 4 / PAGE).min(MOST_PAGES),
        })
    }

    /// How many pages the log may have before it is copied into the file, so that half of the reserve is left.
    pub(crate) fn log_pages(&self) -> u64 {
        self.log_size / 2 / PAGE
    }

    /// How many free pages the database should gain, when this many are free.
    pub(crate) fn missing_pages(&self, free: u64) -> u64 {
        if free < self.pages / 2 && self.disk.has_space().is_ok() { self.pages - free } else { 0 }
    }

    /// How many pages the file has, without those that are only in the log. A file that does not answer counts as whole.
    pub(crate) fn file_pages(&self) -> u64 {
        self.database.metadata().map_or(u64::MAX, |file| file.size() / PAGE)
    }

    /// Reserves the space that is not reserved yet. If that fails, the disk is full or cannot do it, and the next call tries
    /// again.
    pub(crate) fn renew(&mut self) {
        if self.log_file.is_none() {
            self.log_file = OpenOptions::new().read(true).write(true).open(&self.log).ok();
        }
        let _ = self.log_file.as_ref().map(|log| fallocate(log, FallocateFlags::KEEP_SIZE, 0, self.log_size));
        let Ok(size) = self.database.metadata().map(|file| file.size()) else { return };
        // Pages that were never written are holes.
        if size > self.allocated
            && fallocate(&self.database, FallocateFlags::KEEP_SIZE, self.allocated, size - self.allocated).is_ok()
        {
            self.allocated = size;
        }
    }
}
