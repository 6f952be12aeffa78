//! The protocol between the server and the starter of shims. The server sends an attempt; the starter replies with the pid
//! of its shim or with an error.
//!
//! Each message is one packet. Two open files go with the attempt's directory: the lock, which from then on belongs to
//! every holder of a copy of that file, and `shim.log`.

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
        SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair,
    },
};

/// The longest path that the kernel accepts, in bytes.
const LONGEST: usize = 4096;

/// An attempt that needs a shim.
pub(super) struct Attempt {
    pub(super) dir: PathBuf,
    /// Locked. Becomes the shim's standard input.
    pub(super) lock: File,
    /// Becomes the shim's standard output and error.
    pub(super) complaints: File,
}

/// Creates a pair of sockets, for the server and the starter. Both are closed on exec.
pub(super) fn ends() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends an attempt. After an error the starter does not have it; after success the starter may have it, even if it never
/// replies.
pub(super) fn give(socket: impl AsFd, attempt: &Attempt) -> io::Result<()> {
    let files = [attempt.lock.as_fd(), attempt.complaints.as_fd()];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&files));
    let path = [IoSlice::new(attempt.dir.as_os_str().as_bytes())];
    retry_on_intr(|| sendmsg(&socket, &path, &mut beside, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives an attempt; `None` if the server has closed its socket.
pub(super) fn take(socket: impl AsFd) -> io::Result<Option<Attempt>> {
    let mut path = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let count = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(&mut path)], &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received?.bytes,
        }
    };
    let mut files = beside.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.map(File::from).collect(),
        _ => Vec::new(),
    });
    let dir = Path::new(OsStr::from_bytes(path.get(..count).unwrap_or_default())).to_owned();
    match (count, files.next(), files.next()) {
        (0, ..) => Ok(None),
        (_, Some(lock), Some(complaints)) => Ok(Some(Attempt { dir, lock, complaints })),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "received an attempt without its open files")),
    }
}

/// Sends the result for the attempt that was received last: the pid of its shim, or the error of the system.
pub(super) fn answer(socket: impl AsFd, started: &io::Result<u32>) -> io::Result<()> {
    let reason = |error: &io::Error| -error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
    let word = started.as_ref().map_or_else(reason, |pid| i32::try_from(*pid).unwrap_or(i32::MAX));
    retry_on_intr(|| send(&socket, &word.to_ne_bytes(), SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives the result. The outer error means that the result is unknown, the inner error that no shim was started.
pub(super) fn hear(socket: impl AsFd) -> io::Result<io::Result<()>> {
    let mut word = [0; 4];
    let count = retry_on_intr(|| read(&socket, &mut word))?;
    if count < word.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let word = i32::from_ne_bytes(word);
    Ok(if word < 0 { Err(io::Error::from_raw_os_error(-word)) } else { Ok(()) })
}
