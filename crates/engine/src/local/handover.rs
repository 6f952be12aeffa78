//! What the server and the starter of shims say to each other: here is an attempt, and here is the pid of its shim.
//!
//! One message is one packet. With the attempt's directory go two open files: the lock, which from then on belongs to
//! whoever holds a copy of that file, and the page for complaints.

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

/// The longest path that the kernel takes.
const LONGEST: usize = 4096;

/// An attempt that is to get its shim.
pub(super) struct Attempt {
    pub(super) dir: PathBuf,
    /// Held; it is to become the shim's standard input.
    pub(super) lock: File,
    /// What the shim prints.
    pub(super) complaints: File,
}

/// The two ends of the way: the server's and the starter's. Neither outlives the start of another program.
pub(super) fn ends() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Hands an attempt over. After an error nobody has it but the caller; else the starter may have it, even if it never
/// answers.
pub(super) fn give(socket: impl AsFd, attempt: &Attempt) -> io::Result<()> {
    let files = [attempt.lock.as_fd(), attempt.complaints.as_fd()];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&files));
    let path = [IoSlice::new(attempt.dir.as_os_str().as_bytes())];
    retry_on_intr(|| sendmsg(&socket, &path, &mut beside, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Waits for an attempt; `None` where the server has closed its end.
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
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an attempt came without its files")),
    }
}

/// Says what has become of the attempt that was taken last: a shim, or the system's reason for none.
pub(super) fn answer(socket: impl AsFd, started: &io::Result<u32>) -> io::Result<()> {
    let reason = |error: &io::Error| -error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
    let word = started.as_ref().map_or_else(reason, |pid| i32::try_from(*pid).unwrap_or(i32::MAX));
    retry_on_intr(|| send(&socket, &word.to_ne_bytes(), SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Hears that: the outer error is that nobody knows, the inner one that there is no shim.
pub(super) fn hear(socket: impl AsFd) -> io::Result<io::Result<()>> {
    let mut word = [0; 4];
    let count = retry_on_intr(|| read(&socket, &mut word))?;
    if count < word.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let word = i32::from_ne_bytes(word);
    Ok(if word < 0 { Err(io::Error::from_raw_os_error(-word)) } else { Ok(()) })
}
