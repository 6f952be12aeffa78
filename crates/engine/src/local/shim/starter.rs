//! The starter: receives attempts from the server and copies itself into a shim for each.
//!
//! A shim must not have what belongs to the starter alone, so the copy closes that before anything else happens.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, net::UnixStream},
    },
};

use nix::libc::SIGCHLD;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, fcntl_dupfd_cloexec},
    process::{WaitOptions, getpid, set_child_subreaper, setsid, wait},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin},
    thread::set_name,
};
use signal_hook::{
    SigId,
    low_level::{pipe, unregister},
};

use super::{clone, process_title::ProcessTitle, while_doing};
use crate::local::starter_protocol::{self, Attempt};

/// Serves until the server has closed its socket.
pub(super) fn serve() -> Result<(), String> {
    let mut starter = Starter::prepare().map_err(while_doing("preparing to start shims"))?;
    loop {
        let has_asked = starter.wait().map_err(while_doing("waiting for the server"))?;
        starter.reap();
        if has_asked {
            let Some(socket) = &starter.socket else { return Ok(()) };
            let attempt = starter_protocol::receive(socket).map_err(while_doing("taking an attempt"))?;
            let Some(attempt) = attempt else { return Ok(()) };
            let started = starter.start(attempt);
            let Some(socket) = &starter.socket else { return Ok(()) };
            starter_protocol::send_result(socket, &started).map_err(while_doing("answering the server"))?;
        }
    }
}

struct Starter {
    /// The connection to the server; `None` in a copy.
    socket: Option<OwnedFd>,
    /// Readable when a shim has ended; `None` in a copy.
    children: Option<UnixStream>,
    signal: SigId,
    process_title: Option<ProcessTitle>,
}

impl Starter {
    fn prepare() -> io::Result<Self> {
        let socket = fcntl_dupfd_cloexec(stdin(), 3)?;
        dup2_stdin(File::open("/dev/null")?.as_fd())?;
        // Keys that are pressed at the server's terminal must not signal the shims.
        let _ = setsid();
        // A shim that is process 1 of a pid namespace has left its parent, and is reaped here as well.
        set_child_subreaper(Some(getpid()))?;
        let _ = set_name(c"trainyard-shim");
        let (children, sender) = UnixStream::pair()?;
        children.set_nonblocking(true)?;
        let signal = pipe::register(SIGCHLD, sender)?;
        Ok(Self { socket: Some(socket), children: Some(children), signal, process_title: ProcessTitle::find() })
    }

    /// Waits for a message of the server or for the end of a shim; returns whether the server has sent a message.
    fn wait(&mut self) -> io::Result<bool> {
        let (Some(socket), Some(children)) = (&self.socket, &mut self.children) else { return Ok(false) };
        let mut both = [PollFd::new(socket, PollFlags::IN), PollFd::new(children, PollFlags::IN)];
        match poll(&mut both, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_asked = both.first().is_some_and(|socket| !socket.revents().is_empty());
        let mut buffer = [0; 64];
        while matches!(io::Read::read(children, &mut buffer), Ok(count) if count > 0) {}
        Ok(has_asked)
    }

    fn reap(&self) {
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }

    /// Starts a shim; returns its pid.
    fn start(&mut self, attempt: Attempt) -> io::Result<u32> {
        clone::child(None, || {
            drop((self.socket.take(), self.children.take()));
            unregister(self.signal);
            std::process::exit(self.become_shim(attempt));
        })
    }

    fn become_shim(&self, attempt: Attempt) -> i32 {
        let Attempt { dir, lock, shim_log, secrets } = attempt;
        let files = dup2_stdin(&lock).and_then(|()| dup2_stdout(&shim_log)).and_then(|()| dup2_stderr(&shim_log));
        drop((lock, shim_log));
        if let Some(process_title) = &self.process_title {
            process_title.show(dir.as_os_str().as_bytes());
        }
        match files {
            Ok(()) => super::status(super::run_attempt(&dir, secrets)),
            Err(_) => 1,
        }
    }
}
