//! The protocol between the server and the starter of shims. The server sends an attempt; the starter replies with the pid
//! of its shim or with an error.
//!
//! Each message is one packet. Open files go with the attempt's directory: the lock, which from then on belongs to every
//! holder of a copy of that file; `shim.log`; and the file with the secrets, if the attempt has any.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    cmsg_space,
    io::{Errno, read, retry_on_intr},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, recvmsg, send as send_packet, sendmsg, socketpair,
    },
};

/// The longest path that the kernel accepts, in bytes.
const MAX_PATH: usize = 4096;

/// An attempt that needs a shim.
pub(super) struct Attempt {
    pub(super) dir: PathBuf,
    /// Locked. Becomes the shim's standard input.
    pub(super) lock: File,
    /// Becomes the shim's standard output and error.
    pub(super) shim_log: File,
    /// The values of secrets; `None` without secrets.
    pub(super) secrets: Option<File>,
}

/// Creates a pair of sockets, for the server and the starter. Both are closed on exec.
pub(super) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends an attempt. After an error the starter does not have it; after success the starter may have it, even if it never
/// replies.
pub(super) fn send(socket: impl AsFd, attempt: &Attempt) -> io::Result<()> {
    let mut files = vec![attempt.lock.as_fd(), attempt.shim_log.as_fd()];
    files.extend(attempt.secrets.as_ref().map(File::as_fd));
    let mut buffer = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut buffer);
    control.push(SendAncillaryMessage::ScmRights(&files));
    let path = [IoSlice::new(attempt.dir.as_os_str().as_bytes())];
    retry_on_intr(|| sendmsg(&socket, &path, &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives an attempt; `None` if the server has closed its socket.
pub(super) fn receive(socket: impl AsFd) -> io::Result<Option<Attempt>> {
    let mut path = [0; MAX_PATH];
    let mut buffer = [MaybeUninit::uninit(); cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut buffer);
    let count = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(&mut path)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received?.bytes,
        }
    };
    let mut files = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.map(File::from).collect(),
        _ => Vec::new(),
    });
    let dir = Path::new(OsStr::from_bytes(path.get(..count).unwrap_or_default())).to_owned();
    match (count, files.next(), files.next()) {
        (0, ..) => Ok(None),
        (_, Some(lock), Some(shim_log)) => Ok(Some(Attempt { dir, lock, shim_log, secrets: files.next() })),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "received an attempt without its open files")),
    }
}

/// Sends the result for the attempt that was received last: the pid of its shim, or the error of the system.
pub(super) fn send_result(socket: impl AsFd, started: &io::Result<u32>) -> io::Result<()> {
    let reason = |error: &io::Error| -error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
    let number = started.as_ref().map_or_else(reason, |pid| i32::try_from(*pid).unwrap_or(i32::MAX));
    retry_on_intr(|| send_packet(&socket, &number.to_ne_bytes(), SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives the result. The outer error means that the result is unknown, the inner error that no shim was started.
pub(super) fn receive_result(socket: impl AsFd) -> io::Result<io::Result<()>> {
    let mut number = [0; 4];
    let count = retry_on_intr(|| read(&socket, &mut number))?;
    if count < number.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let number = i32::from_ne_bytes(number);
    Ok(if number < 0 { Err(io::Error::from_raw_os_error(-number)) } else { Ok(()) })
}
