//! From a worker's pipe into its log file: every byte, in order, as it comes.
//!
//! A full disk blocks the worker's writes until there is room again and loses nothing; any other fault of the file is
//! noted once and its bytes are dropped, so that a broken log never ends a training. What the cap cuts away is freed
//! where it lies (`keep`), and the times of lines are noted beside (`stamps`).

use std::{
    fs::{File, OpenOptions},
    io::{self, PipeReader, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::Path,
};

use nix::libc;
use rustix::{fs::OFlags, pipe::fcntl_setpipe_size};

use super::{keep::Keep, stamps::Stamps};

/// How often a buffer's worth is taken before other workers have their turn.
const TURNS: usize = 16;

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
}

impl Pump {
    /// A log file without a worker, to be kept to so many bytes.
    pub(super) fn open(path: &Path, cap: u64) -> io::Result<Self> {
        let to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (keep, stamps) = (Keep::new(path, cap), Stamps::new(path));
        Ok(Self { from: None, to, written: 0, keep, stamps, held: Vec::new(), complained: false })
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
                Err(error) if is_full(&error) => {
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

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT))
}

#[cfg(test)]
mod tests;
