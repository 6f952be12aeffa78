//! Notifications through a FIFO, from the server to a shim and from a shim to the server.
//!
//! A notification says that something changed, and at most for which job. A lost one costs time but no information: the
//! reader checks the files from time to time anyway.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use nix::libc;
use rustix::{
    fs::{CWD, Mode, mkfifoat},
    io::Errno,
};

/// Notifies the reader of a FIFO. Without a reader, or if the FIFO is full, the notification is dropped.
pub(crate) fn notify(path: &Path) {
    if let Ok(mut fifo) = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
        let _ = fifo.write(b"!");
    }
}

/// Sends a notification with a line of text. The line is short enough for an atomic write to a pipe.
pub(crate) fn send_line(path: &Path, line: &str) {
    if let Ok(mut fifo) = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
        let _ = fifo.write(format!("{line}\n").as_bytes());
    }
}

/// Opens a FIFO to read; creates it if it is missing. It is opened for writing too, so that it never reaches its end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Reads all notifications that the FIFO contains, with their text.
pub(crate) fn drain(mut fifo: &File) -> Vec<u8> {
    let (mut buffer, mut text) = ([0; 512], Vec::new());
    while let Ok(count @ 1..) = fifo.read(&mut buffer) {
        text.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    text
}
