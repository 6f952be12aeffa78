//! The mounts of storages that a job asks for: whether each is possible, and opening its two ends.
//!
//! The source is opened by the kernel without leaving the storage, whatever links and `..` say, so there is no moment
//! between check and use. The target is created if it is missing.

use std::{
    fs::{self, DirBuilder},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{Access, AtFlags, CWD, Mode, OFlags, ResolveFlags, accessat, openat, openat2},
    io::Errno,
};

use super::{dir_identity, mount::real_path};
use crate::{
    LaunchMount, MountFault, MountPart,
    local::{dirs, mountinfo},
};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Directories of the kernel. They are no directories of files, or every process needs them unchanged.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether a mount is possible now; changes nothing.
pub(crate) fn check_mount(data: &Path, mount: &LaunchMount) -> Result<(), MountFault> {
    let fault = |part: MountPart| move |message: String| MountFault { part, message };
    let root = open_storage(&mount.root).map_err(fault(MountPart::Storage))?;
    check_separate(data, &root).map_err(fault(MountPart::Storage))?;
    open_source(&root, mount.directory.as_deref()).map_err(fault(MountPart::Directory))?;
    check_target(data, &mount.target).map_err(fault(MountPart::Target))
}

/// Whether a storage may be at this path: it must not show the data directory, under any name.
pub(crate) fn check_storage(data: &Path, root: &Path) -> Result<(), String> {
    check_separate(data, open_storage(root)?)
}

fn check_separate(data: &Path, root: impl AsFd) -> Result<(), String> {
    let jobs = dirs::jobs(data);
    let mounts = mountinfo::all().map_err(super::cannot_list)?;
    let own = dir_identity::identify(&mounts, [data, &jobs])?;
    let shown = dir_identity::visible_below(&mounts, &own, root);
    match shown.map_err(|error| format!("cannot compare the storage with the data directory: {error}"))? {
        Some(path) => Err(format!(
            "shows the server's data directory (as {}): a storage must be separate from it, under every name",
            path.display()
        )),
        None => Ok(()),
    }
}

/// Opens the directory of a storage.
pub(super) fn open_storage(root: &Path) -> Result<OwnedFd, String> {
    let shown = root.display();
    openat(CWD, root, DIRECTORY, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => format!("the storage path {shown} does not exist on this host"),
        Errno::NOTDIR => format!("the storage path {shown} is not a directory"),
        error => format!("cannot open the storage path {shown}: {error}"),
    })
}

/// Opens a directory inside a storage. `None`, or a path of slashes only, is the whole storage.
pub(super) fn open_source(root: impl AsFd, directory: Option<&str>) -> Result<OwnedFd, String> {
    let inner = directory.unwrap_or_default().trim_start_matches('/');
    let path = if inner.is_empty() { "." } else { inner };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // The kernel asks for another try if a directory was renamed meanwhile.
    for _ in 0..100 {
        match openat2(&root, path, DIRECTORY, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(found) => return Ok(found),
            Err(error) => return Err(source_error(inner, error)),
        }
    }
    Err(source_error(inner, Errno::AGAIN))
}

fn source_error(inner: &str, error: Errno) -> String {
    match error {
        Errno::NOENT => format!("the storage has no directory {inner:?}; create it first"),
        Errno::NOTDIR => format!("{inner:?} is not a directory of the storage"),
        Errno::XDEV | Errno::LOOP => format!("{inner:?} leads out of the storage"),
        Errno::NOSYS => "mounting a storage needs Linux 5.6 or later".to_owned(),
        error => format!("cannot open {inner:?} of the storage: {error}"),
    }
}

/// Whether a mount at this real path is allowed.
fn check_allowed(data: &Path, real: &Path) -> Result<(), String> {
    let shown = real.display();
    let kernel = KERNEL.into_iter().find(|dir| real.starts_with(dir));
    if real == Path::new("/") {
        Err("nothing can be mounted over `/`".to_owned())
    } else if let Some(dir) = kernel {
        Err(format!("leads to {shown}: nothing can be mounted at {dir} or below"))
    } else if real.starts_with(data) || data.starts_with(real) {
        Err(format!("leads to {shown}: nothing can be mounted over the server's data directory or inside it"))
    } else {
        Ok(())
    }
}

/// Whether the target is possible now: its existing part is a directory, and the rest can be created below.
fn check_target(data: &Path, target: &Path) -> Result<(), String> {
    let mut existing = target;
    loop {
        match fs::metadata(existing) {
            Ok(found) if found.is_dir() => break,
            Ok(_) if existing == target => return Err("is a file on this host; choose another path".to_owned()),
            Ok(_) => return Err(format!("{} is a file on this host, not a directory", existing.display())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                if fs::symlink_metadata(existing).is_ok() {
                    return Err(format!("{} is a symbolic link to a missing path", existing.display()));
                }
                existing = existing.parent().unwrap_or(Path::new("/"));
            }
            Err(error) => return Err(format!("cannot read {}: {error}", existing.display())),
        }
    }
    let real = fs::canonicalize(existing).map_err(|error| format!("cannot resolve {}: {error}", existing.display()))?;
    let rest = target.strip_prefix(existing).unwrap_or(Path::new(""));
    check_allowed(data, &if rest.as_os_str().is_empty() { real } else { real.join(rest) })?;
    let is_missing = existing != target;
    if is_missing && accessat(CWD, existing, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_err() {
        let shown = existing.display();
        return Err(format!("does not exist on this host, and the server may not create it in {shown}"));
    }
    Ok(())
}

/// Opens the target. A missing directory is created, with those above it, and stays.
pub(super) fn open_target(data: &Path, target: &Path) -> Result<OwnedFd, String> {
    let shown = target.display();
    let created = DirBuilder::new().recursive(true).mode(0o755).create(target);
    created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} is a file on this host, but a mount needs a directory"),
        _ => format!("cannot create the directory {shown}: {error}"),
    })?;
    let open =
        openat(CWD, target, DIRECTORY, Mode::empty()).map_err(|error| format!("cannot open {shown}: {error}"))?;
    let real = real_path(&open).map_err(|error| format!("cannot resolve {shown}: {error}"))?;
    check_allowed(data, &real).map_err(|why| format!("{shown} {why}"))?;
    Ok(open)
}
