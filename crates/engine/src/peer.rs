//! The process at the other end of a Unix socket: its account, and whether the server and this process share a PID
//! namespace.
//!
//! The kernel records both when the process connects. A worker of an isolated attempt is in another PID namespace, whatever
//! its account is.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    sys::socket::{
        getsockopt,
        sockopt::{PeerCredentials, PeerPidfd},
    },
    unistd::{Uid, User},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::geteuid,
};

/// A process that has connected to a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The effective user id that the process had when it connected.
    pub uid: u32,
    /// Whether the process is in the PID namespace of the server. It is `false` if the host does not say.
    pub shares_pid_namespace: bool,
}

impl Peer {
    /// Reads what the kernel recorded about the peer of a connected socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let recorded = getsockopt(&socket, PeerCredentials)?;
        // Before `/proc` is read: if the process has ended, `/proc` may show another process with its pid.
        let pidfd = getsockopt(&socket, PeerPidfd).ok();
        let shares = is_in_own_namespace(recorded.pid()) && pidfd.as_ref().is_none_or(is_running);
        Ok(Self { uid: recorded.uid(), shares_pid_namespace: shares })
    }
}

/// The user id of this process, with which it may use a data directory.
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// The name of an account of this host. It may wait for a directory service.
pub fn account_name(uid: u32) -> io::Result<Option<String>> {
    Ok(User::from_uid(Uid::from_raw(uid))?.map(|user| user.name))
}

/// Whether `/proc` shows the process with exactly one pid: its own in the namespace that `/proc` belongs to. The kernel
/// records pid 0 for a process that this namespace does not see.
fn is_in_own_namespace(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("NSpid:")).is_some_and(|pids| pids.split_whitespace().count() == 1)
}

/// A pidfd is readable as soon as its process has ended.
fn is_running(pidfd: &OwnedFd) -> bool {
    let mut files = [PollFd::new(pidfd, PollFlags::IN)];
    poll(&mut files, Some(&Timespec::default())).is_ok_and(|ended| ended == 0)
}
