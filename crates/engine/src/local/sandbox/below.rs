//! Creating files and directories in places that a job can write to, without following the links that it may have left.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, fchmod, fstat, mkdirat, openat, openat2},
    io::Errno,
};

/// Creates a directory below an open one, with those above it, unless they exist.
pub(super) fn create_below(top: &OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut dir = openat(top, ".", flags, Mode::empty())?;
    for name in path {
        match mkdirat(&dir, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        dir = openat2(&dir, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)?;
    }
    Ok(dir)
}

/// Creates an empty file below an open directory, with the directories above it, unless it exists.
pub(super) fn create_file_below(top: &OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL.into()) };
    let dir = create_below(top, parent)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::from_raw_mode(0o444))?)
}

/// Opens a directory for its path only.
pub(super) fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Lets every user of the job create files in this directory, and delete only their own.
pub(super) fn share(dir: impl AsFd) -> io::Result<()> {
    let mode = Mode::from_raw_mode(0o1777);
    if Mode::from_raw_mode(fstat(&dir)?.st_mode) == mode {
        return Ok(());
    }
    // A descriptor for a path only cannot change the mode itself.
    let open = openat(&dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(fchmod(open, mode)?)
}
