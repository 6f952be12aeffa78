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

use super::{line_times::LineTimes, log_cap::LogCap};
use crate::local::durable;

/// How many buffers are copied before the outputs of other workers are served.
const READS_PER_ROUND: usize = 16;

/// How many bytes are written between two checks of the disk. So a worker that prints little can continue for a while on
/// a disk that others have filled.
const CHECK_EVERY: usize = 256 * 1024;

/// The requested capacity of a pipe in bytes, so that a burst does not have to wait for the shim.
const PIPE_SIZE: usize = 1024 * 1024;

/// How a round of copying ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The pipe may contain more.
    Open,
    /// The pipe is empty.
    Empty,
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
    cap: LogCap,
    line_times: LineTimes,
    pending: Vec<u8>,
    has_logged: bool,
    /// How many bytes may be written before the next check of the disk.
    until_check: usize,
    /// Whether the reserve of the disk may be used, for the last output of the worker.
    is_last: bool,
}

impl Pump {
    /// Creates a log file with this cap in bytes and without a pipe.
    pub(super) fn open(path: &Path, cap: u64) -> io::Result<Self> {
        let to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (cap, line_times) = (LogCap::new(path, cap), LineTimes::new(path));
        Ok(Self {
            from: None,
            to,
            written: 0,
            cap,
            line_times,
            pending: Vec::new(),
            has_logged: false,
            until_check: CHECK_EVERY,
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

    /// Whether the pump holds bytes that the file did not accept.
    pub(super) fn is_blocked(&self) -> bool {
        !self.pending.is_empty()
    }

    /// From now on the reserve of the disk may be used too.
    pub(super) fn use_reserve(&mut self) {
        self.is_last = true;
    }

    /// Copies what is in the pipe, at most [`READS_PER_ROUND`] buffers.
    pub(super) fn copy(&mut self, buffer: &mut [u8]) -> Flow {
        if self.is_blocked() {
            let pending = std::mem::take(&mut self.pending);
            self.write(&pending);
        }
        for _ in 0..READS_PER_ROUND {
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
                    self.line_times.record(self.written);
                    self.write(buffer.get(..count).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flow::Empty,
                Err(error) => {
                    self.log_once("cannot read the pipe", &error);
                    self.from = None;
                    return Flow::Closed;
                }
            }
        }
        if self.is_blocked() { Flow::Blocked } else { Flow::Open }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.is_disk_full(bytes.len()) {
            self.log_once(
                "the disk is full: the worker waits until its log can grow",
                &io::ErrorKind::StorageFull.into(),
            );
            self.pending = bytes.to_vec();
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(0) => {
                    self.pending = rest.to_vec();
                    return;
                }
                Ok(count) => {
                    rest = rest.get(count..).unwrap_or_default();
                    self.after_write(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if durable::is_full(&error) => {
                    self.log_once("the disk is full: the worker waits until its log can grow", &error);
                    self.pending = rest.to_vec();
                    return;
                }
                Err(error) => {
                    self.log_once("cannot write the log, so output is lost", &error);
                    return;
                }
            }
        }
    }

    /// Checks the disk every [`CHECK_EVERY`] bytes, and while it is full before each write.
    fn is_disk_full(&mut self, wanted: usize) -> bool {
        self.until_check = self.until_check.saturating_sub(wanted);
        if self.is_last || self.until_check > 0 {
            return false;
        }
        let Ok(disk) = fstatvfs(&self.to) else { return false };
        let reserve = disk_reserve(disk.f_blocks.saturating_mul(disk.f_frsize));
        let is_full = disk.f_bavail.saturating_mul(disk.f_frsize) < reserve;
        if !is_full {
            self.until_check = CHECK_EVERY;
        }
        is_full
    }

    fn after_write(&mut self, count: usize) {
        self.written = self.written.saturating_add(u64::try_from(count).unwrap_or_default());
        match self.cap.enforce(&self.to, self.written) {
            Ok(None) => {}
            Ok(Some(cut)) => self.line_times.free(cut),
            Err(error) => self.log_once("cannot limit the log to its cap", &error),
        }
    }

    fn log_once(&mut self, what: &str, error: &io::Error) {
        if !self.has_logged {
            self.has_logged = true;
            super::log_error(&format!("{what}: {error}"));
        }
    }
}
