//! The event sources of the shim in one epoll set. Events come in the order in which their sources became ready.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// The source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A child may have ended.
    Children,
    /// The server has sent a notification.
    Ctl,
    /// The main process of this rank has exited.
    Exit(u32),
    /// The pipe of this rank has output.
    Output(u32),
}

/// The epoll set, and the pidfds that it watches.
#[derive(Debug)]
pub(super) struct Watch {
    set: OwnedFd,
    pidfds: BTreeMap<u32, OwnedFd>,
}

impl Watch {
    /// Watches for ended children and for notifications.
    pub(super) fn new(children: BorrowedFd<'_>, ctl: BorrowedFd<'_>) -> io::Result<Self> {
        let watch = Self { set: epoll::create(CreateFlags::CLOEXEC)?, pidfds: BTreeMap::new() };
        watch.add(children, Source::Children)?;
        watch.add(ctl, Source::Ctl)?;
        Ok(watch)
    }

    /// Watches for the exit of a main process, which is returned once.
    pub(super) fn watch_exit(&mut self, rank: u32, pid: u32) -> io::Result<()> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        self.add(pidfd.as_fd(), Source::Exit(rank))?;
        self.pidfds.insert(rank, pidfd);
        Ok(())
    }

    /// The pidfd of a main process, until its exit was returned.
    pub(super) fn pidfd(&self, rank: u32) -> Option<BorrowedFd<'_>> {
        self.pidfds.get(&rank).map(AsFd::as_fd)
    }

    /// Watches a pipe for output, until the pipe is closed or [`Watch::unwatch`] is called.
    pub(super) fn watch_output(&self, rank: u32, pipe: BorrowedFd<'_>) -> io::Result<()> {
        self.add(pipe, Source::Output(rank))
    }

    /// Stops watching this pipe.
    pub(super) fn unwatch(&self, pipe: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.set, pipe);
    }

    /// Waits for the next events, at most for this time; a caught signal ends the wait early.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<Source>> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events: Vec<Event> = Vec::with_capacity(64);
        match epoll::wait(&self.set, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let sources: Vec<Source> = events.iter().filter_map(|event| source(event.data.u64())).collect();
        for source in &sources {
            if let Source::Exit(rank) = source {
                self.pidfds.remove(rank);
            }
        }
        Ok(sources)
    }

    fn add(&self, fd: BorrowedFd<'_>, source: Source) -> io::Result<()> {
        Ok(epoll::add(&self.set, fd, EventData::new_u64(token(source)), EventFlags::IN)?)
    }
}

/// The kind of the source in the upper half, the rank in the lower.
fn token(source: Source) -> u64 {
    let (kind, rank) = match source {
        Source::Children => (0, 0),
        Source::Ctl => (1, 0),
        Source::Exit(rank) => (2, rank),
        Source::Output(rank) => (3, rank),
    };
    kind << 32 | u64::from(rank)
}

fn source(token: u64) -> Option<Source> {
    let rank = u32::try_from(token & u64::from(u32::MAX)).ok()?;
    match token >> 32 {
        0 => Some(Source::Children),
        1 => Some(Source::Ctl),
        2 => Some(Source::Exit(rank)),
        3 => Some(Source::Output(rank)),
        _ => None,
    }
}
