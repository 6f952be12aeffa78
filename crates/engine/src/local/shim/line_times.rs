//! Recording when output arrived: one mark for output after a pause, at most ten marks a second.
//!
//! Marks beyond the first quarter of a million take at most a quarter of the space of the log itself; further marks are
//! left out. A mark that cannot be written is left out too, since times are not worth a training.

#[cfg(test)]
mod tests;

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::{FallocateFlags, fallocate};

use crate::{
    local::clock::wall_time,
    log::{
        Cut, Mark,
        times::{self, MARK, Marks},
    },
};

/// The shortest time between two marks.
const PAUSE: Duration = Duration::from_millis(100);

/// How many bytes marks may take, however short the log is.
const ALWAYS_ALLOWED: u64 = 4 * 1024 * 1024;

/// The marks of one log.
#[derive(Debug)]
pub(super) struct LineTimes {
    path: PathBuf,
    count: u64,
    last: Option<Instant>,
    /// The number of the first mark of the tail, once marks before it are freed.
    freed: u64,
}

impl LineTimes {
    /// Starts without marks. Deletes the marks of an earlier shim, which did not start the attempt.
    pub(super) fn new(log: &Path) -> Self {
        let path = times::path(log);
        let _ = std::fs::remove_file(&path);
        Self { path, count: 0, last: None, freed: 0 }
    }

    /// Output has arrived that will be written at this offset.
    pub(super) fn record(&mut self, offset: u64) {
        let now = Instant::now();
        let is_soon = self.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE);
        let allowed = ALWAYS_ALLOWED.saturating_add(offset / 4);
        if is_soon || self.count.saturating_add(1).saturating_mul(MARK) > allowed {
            return;
        }
        self.last = Some(now);
        if self.write(Mark { offset, time: wall_time() }).is_ok() {
            self.count += 1;
        }
    }

    /// Frees the marks of the cut part of the log, except the last one, which dates the first line of the tail.
    pub(super) fn free(&mut self, cut: Cut) {
        let freed = (|| {
            let Some(file) = open(&self.path)? else { return Ok(self.freed) };
            let marks = Marks::of(file.try_clone()?)?;
            let first = if self.freed == 0 { marks.first_after(cut.from, cut)? } else { self.freed };
            let last = marks.first_after(cut.to, cut)?.saturating_sub(1);
            if last > first {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(&file, flags, first * MARK, (last - first) * MARK)?;
            }
            io::Result::Ok(first.max(last))
        })();
        // After a failure the marks stay: they take space and are correct.
        self.freed = freed.unwrap_or(self.freed);
    }

    /// Opens the file for each mark, because a shim with many workers has few descriptors to spare.
    fn write(&self, mark: Mark) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
        file.write_all_at(&mark.bytes(), self.count.saturating_mul(MARK))
    }
}

fn open(path: &Path) -> io::Result<Option<std::fs::File>> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
