//! Opening a directory inside a storage, whatever links and `..` say.
//!
//! The kernel walks the path and refuses each step that would leave the storage, so there is no moment between looking
//! and opening.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens where a storage lies.
pub(super) fn open_root(root: &Path) -> Result<OwnedFd, String> {
    let shown = root.display();
    openat(CWD, root, DIRECTORY, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => format!("the storage lies at {shown}, which does not exist on this host at the moment"),
        Errno::NOTDIR => format!("the storage lies at {shown}, which is not a directory"),
        error => format!("the storage at {shown} cannot be opened: {error}"),
    })
}

/// Opens a directory of a storage; none, or only slashes, is the whole.
pub(super) fn open(root: impl AsFd, directory: Option<&str>) -> Result<OwnedFd, String> {
    let inner = directory.unwrap_or_default().trim_start_matches('/');
    let path = if inner.is_empty() { "." } else { inner };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // The kernel asks for another try where something was renamed while it looked.
    for _ in 0..100 {
        match openat2(&root, path, DIRECTORY, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(found) => return Ok(found),
            Err(error) => return Err(said(inner, error)),
        }
    }
    Err(said(inner, Errno::AGAIN))
}

fn said(inner: &str, error: Errno) -> String {
    match error {
        Errno::NOENT => format!("the storage has no directory {inner:?}: make it first"),
        Errno::NOTDIR => format!("{inner:?} is not a directory of the storage"),
        Errno::XDEV | Errno::LOOP => format!("{inner:?} leads out of the storage"),
        Errno::NOSYS => "Linux 5.6 or later is needed to stay inside a storage".to_owned(),
        error => format!("{inner:?} of the storage cannot be opened: {error}"),
    }
}
