//! From a worker's pipe into its log file: every byte, in order, as it comes.
//!
//! A full disk blocks the worker's writes until there is room again and loses nothing. Full is one that has only its
//! reserve left, which is for the records of jobs: a chatty one must not keep itself from being stopped. Any other fault of the file is
//! noted once and its bytes are dropped, so that a broken log never ends a training. What the cap cuts away is freed
//! where it lies (`keep`), and the times of lines are noted beside (`stamps`).

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions},
    io::{self, PipeReader, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{OFlags, fstatvfs},
    pipe::fcntl_setpipe_size,
};
use trainyard_domain::capacity::disk_reserve;

use super::{keep::Keep, stamps::Stamps};
use crate::local::durable;

/// How often a buffer's worth is taken before other workers have their turn.
const TURNS: usize = 16;

/// How much is written between two looks at the disk; small prints go on for a while on a disk that was filled by others.
const LOOK_EVERY: usize = 256 * 1024;

/// What a pipe holds where the system allows it, so that a burst does not have to wait for the shim.
const PIPE_SIZE: usize = 1024 * 1024;

/// How a round of pumping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// There may be more.
    Open,
    /// There is nothing at the moment.
    Dry,
    /// Nobody holds the other end any more.
    Closed,
    /// The file takes no more now; what was read is held.
    Blocked,
}

/// One worker's log.
#[derive(Debug)]
pub(super) struct Pump {
    from: Option<PipeReader>,
    to: File,
    /// How many bytes were written.
    written: u64,
    keep: Keep,
    stamps: Stamps,
    held: Vec<u8>,
    complained: bool,
    /// How many bytes may be written before the disk is looked at.
    until_look: usize,
    /// Whether the reserve is not kept: it is the worker's last output.
    is_last: bool,
}

impl Pump {
    /// A log file without a worker, to be kept to so many bytes.
    pub(super) fn open(path: &Path, cap: u64) -> io::Result<Self> {
        let to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (keep, stamps) = (Keep::new(path, cap), Stamps::new(path));
        Ok(Self {
            from: None,
            to,
            written: 0,
            keep,
            stamps,
            held: Vec::new(),
            complained: false,
            until_look: LOOK_EVERY,
            is_last: false,
        })
    }

    /// Takes from this pipe from now on.
    pub(super) fn connect(&mut self, from: PipeReader) -> io::Result<()> {
        rustix::fs::fcntl_setfl(&from, OFlags::NONBLOCK)?;
        // Refused where the user has too many large pipes; the usual size does as well.
        let _ = fcntl_setpipe_size(&from, PIPE_SIZE);
        self.from = Some(from);
        Ok(())
    }

    /// The pipe, while it is open.
    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(AsFd::as_fd)
    }

    /// Whether it holds what the file would not take.
    pub(super) fn is_blocked(&self) -> bool {
        !self.held.is_empty()
    }

    /// From now on the reserve may be used too.
    pub(super) fn use_reserve(&mut self) {
        self.is_last = true;
    }

    /// Moves what is there, but not more than a turn's worth.
    pub(super) fn turn(&mut self, buffer: &mut [u8]) -> Flow {
        if self.is_blocked() {
            let held = std::mem::take(&mut self.held);
            self.write(&held);
        }
        for _ in 0..TURNS {
            if self.is_blocked() {
                return Flow::Blocked;
            }
            let Some(from) = &mut self.from else { return Flow::Closed };
            match from.read(buffer) {
                Ok(0) => {
                    self.from = None;
                    return Flow::Closed;
                }
                Ok(count) => {
                    self.stamps.came(self.written);
                    self.write(buffer.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flow::Dry,
                Err(error) => {
                    self.complain("the pipe cannot be read", &error);
                    self.from = None;
                    return Flow::Closed;
                }
            }
        }
        if self.is_blocked() { Flow::Blocked } else { Flow::Open }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.only_the_reserve_is_left(bytes.len()) {
            self.complain("the worker waits for room for its log", &io::ErrorKind::StorageFull.into());
            self.held = bytes.to_vec();
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => {
                    self.held = rest.to_vec();
                    return;
                }
                Ok(count) => {
                    rest = rest.get(count..).unwrap_or_default();
                    self.wrote(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if durable::is_full(&error) => {
                    self.complain("the worker waits for room for its log", &error);
                    self.held = rest.to_vec();
                    return;
                }
                Err(error) => {
                    self.complain("output is being lost", &error);
                    return;
                }
            }
        }
    }

    /// Looked at from time to time, and as long as it is so at each write.
    fn only_the_reserve_is_left(&mut self, wanted: usize) -> bool {
        self.until_look = self.until_look.saturating_sub(wanted);
        if self.is_last || self.until_look > 0 {
            return false;
        }
        let Ok(disk) = fstatvfs(&self.to) else { return false };
        let reserve = disk_reserve(disk.f_blocks.saturating_mul(disk.f_frsize));
        let is_full = disk.f_bavail.saturating_mul(disk.f_frsize) < reserve;
        if !is_full {
            self.until_look = LOOK_EVERY;
        }
        is_full
    }

    fn wrote(&mut self, count: usize) {
        self.written = self.written.saturating_add(u64::try_from(count).unwrap_or_default());
        match self.keep.cut_down(&self.to, self.written) {
            Ok(None) => {}
            Ok(Some(cut)) => self.stamps.free(cut),
            Err(error) => self.complain("the log cannot be kept to its cap", &error),
        }
    }

    fn complain(&mut self, what: &str, error: &io::Error) {
        if !self.complained {
            self.complained = true;
            super::complain(&format!("{what}: {error}"));
        }
    }
}
