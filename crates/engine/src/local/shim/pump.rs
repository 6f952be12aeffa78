//! Copying the output of a worker from its pipe into its log file: every byte, in order, as it arrives.
//!
//! On a full disk the writes of the worker block until there is room, and no byte is lost. A disk is full when only its
//! reserve is left. The reserve is for the records of jobs: output must not prevent the stop of its own job. Any other
//! error of the file is reported once and the bytes are dropped, so that a broken log never ends a training. `log_cap`
//! frees what exceeds the cap, and `line_times` records when lines arrived.

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

/// How many buffers are copied before the outputs of other workers are served.
const TURNS: usize = 16;

/// How many bytes are written between two checks of the disk. So a worker that prints little can continue for a while on
/// a disk that others have filled.
const LOOK_EVERY: usize = 256 * 1024;

/// The requested capacity of a pipe in bytes, so that a burst does not have to wait for the shim.
const PIPE_SIZE: usize = 1024 * 1024;

/// How a round of copying ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The pipe may contain more.
    Open,
    /// The pipe is empty.
    Dry,
    /// The pipe has no writer any more.
    Closed,
    /// The file accepts no more bytes now; the pump holds those that were read.
    Blocked,
}

/// The log of one worker, and its pipe.
#[derive(Debug)]
pub(super) struct Pump {
    from: Option<PipeReader>,
    to: File,
    /// How many bytes were written so far.
    written: u64,
    keep: Keep,
    stamps: Stamps,
    held: Vec<u8>,
    complained: bool,
    /// How many bytes may be written before the next check of the disk.
    until_look: usize,
    /// Whether the reserve of the disk may be used, for the last output of the worker.
    is_last: bool,
}

impl Pump {
    /// Creates a log file with this cap in bytes and without a pipe.
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

    /// Copies from this pipe from now on.
    pub(super) fn connect(&mut self, from: PipeReader) -> io::Result<()> {
        rustix::fs::fcntl_setfl(&from, OFlags::NONBLOCK)?;
        // Refused if the user has too many large pipes; the default size works as well.
        let _ = fcntl_setpipe_size(&from, PIPE_SIZE);
        self.from = Some(from);
        Ok(())
    }

    /// The pipe, while it is open.
    pub(super) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(AsFd::as_fd)
    }

    /// Whether it holds bytes that the file did not accept.
    pub(super) fn is_blocked(&self) -> bool {
        !self.held.is_empty()
    }

    /// From now on the reserve of the disk may be used too.
    pub(super) fn use_reserve(&mut self) {
        self.is_last = true;
    }

    /// Copies what is in the pipe, at most [`READS_PER_ROUND`] buffers.
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
                    self.complain("cannot read the pipe", &error);
                    self.from = None;
                    return Flow::Closed;
                }
            }
        }
        if self.is_blocked() { Flow::Blocked } else { Flow::Open }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.only_the_reserve_is_left(bytes.len()) {
            self.complain(
                "the disk is full: the worker waits until its log can grow",
                &io::ErrorKind::StorageFull.into(),
            );
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
                    self.complain("the disk is full: the worker waits until its log can grow", &error);
                    self.held = rest.to_vec();
                    return;
                }
                Err(error) => {
                    self.complain("cannot write the log, so output is lost", &error);
                    return;
                }
            }
        }
    }

    /// Checks the disk every [`CHECK_EVERY`] bytes, and while it is full before each write.
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
            Err(error) => self.complain("cannot limit the log to its cap", &error),
        }
    }

    fn complain(&mut self, what: &str, error: &io::Error) {
        if !self.complained {
            self.complained = true;
            super::complain(&format!("{what}: {error}"));
        }
    }
}
