//! Waking another process through a FIFO: the server a shim, or a shim the server.
//!
//! A poke says "look again", and at most at what, so one that is lost costs time and never truth.

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

/// Pokes whoever listens there. Nobody listening, or so many pokes waiting that no more fit, is fine.
pub(crate) fn poke(path: &Path) {
    if let Ok(mut fifo) = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
        let _ = fifo.write(b"!");
    }
}

/// The same, saying in a line of its own at what to look. It fits into what a pipe takes whole or not at all.
pub(crate) fn tell(path: &Path, what: &str) {
    if let Ok(mut fifo) = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
        let _ = fifo.write(format!("{what}\n").as_bytes());
    }
}

/// Listens there, making the FIFO where needed. It is opened for writing too, so that it never ends for want of writers.
pub(crate) fn listen(path: &Path) -> io::Result<File> {
    match mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Takes all pokes that are waiting, with what they say.
pub(crate) fn take(mut fifo: &File) -> Vec<u8> {
    let (mut buffer, mut said) = ([0; 512], Vec::new());
    while let Ok(count @ 1..) = fifo.read(&mut buffer) {
        said.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    said
}
