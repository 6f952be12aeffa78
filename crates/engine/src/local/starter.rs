//! The server's side of the starter: a small process that copies itself into a shim for each attempt.
//!
//! The server starts it with the first attempt. A copy costs a fraction of loading the whole program and shares most of its
//! memory with the other copies. The starter has no state and may be killed at any moment: the next attempt starts another.
//! It ends with the server; the shims outlive both.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, process::CommandExt as _},
    },
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::{
    Settings,
    shim::STARTER,
    starter_protocol::{self, Attempt},
};
use crate::EngineError;

/// Time limit for one copy, which normally takes less than a millisecond. A starter that was stopped by a signal is then
/// replaced.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// The length of a shim's argument beyond the data directory, so that the list of processes can show its attempt.
const ARGUMENT_LENGTH: usize = "/jobs/job_0123456789abcdef0123/attempt-1000".len();

/// The starter, if one runs.
#[derive(Debug, Default)]
pub(super) struct Starter(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    socket: OwnedFd,
    process: Child,
}

impl Starter {
    /// Starts the shim of an attempt; the attempt's file holds its lock. If the starter dies meanwhile, it is unknown
    /// whether a shim runs. The lock and the files will show it later. Another start here could make two shims with one
    /// lock, so this returns success.
    pub(super) fn start(&self, settings: &Settings, attempt: &Attempt) -> Result<(), EngineError> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = running.take().filter(|starter| starter_protocol::send(&starter.socket, attempt).is_ok());
        // None if no starter runs, or if it was killed before it received the attempt.
        let starter = match sent {
            Some(starter) => Ok(starter),
            None => {
                let starter = Running::start(settings)?;
                starter_protocol::send(&starter.socket, attempt).map(|()| starter)
            }
        };
        match starter.and_then(|starter| Ok((starter_protocol::receive_result(&starter.socket)?, starter))) {
            Ok((started, starter)) => {
                *running = Some(starter);
                started.map_err(|error| EngineError::Unavailable(format!("cannot create a process: {error}")))
            }
            Err(error) => {
                tracing::warn!(dir = %attempt.dir.display(), %error, "the starter of shims died before it replied");
                Ok(())
            }
        }
    }
}

impl Running {
    fn start(settings: &Settings) -> Result<Self, EngineError> {
        let program = settings.shim_program.display();
        let cannot = |error: io::Error| EngineError::Unavailable(format!("cannot start {program}: {error}"));
        let (socket, starter_socket) = starter_protocol::socket_pair().map_err(cannot)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(REPLY_TIMEOUT)).map_err(|error| cannot(error.into()))?;
        let length = settings.data_dir.as_os_str().as_bytes().len() + ARGUMENT_LENGTH;
        let process = Command::new(&settings.shim_program)
            .arg0("trainyard")
            .args(&settings.shim_args)
            .arg(STARTER)
            .arg(" ".repeat(length.saturating_sub(STARTER.len() + 1)))
            .env_clear()
            .current_dir("/")
            .stdin(starter_socket)
            .stdout(Stdio::null())
            .spawn();
        Ok(Self { socket, process: process.map_err(cannot)? })
    }
}

impl Drop for Running {
    /// A starter ends by itself when its socket is closed, unless a signal has stopped it.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
