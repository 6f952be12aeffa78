//! The mounts of storages that a job asks for: whether each is possible, and opening its two ends.
//!
//! The source is opened by the kernel without leaving the storage, whatever links and `..` say, so there is no moment
//! between check and use. All paths are followed with the rights of the job's user.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

use super::{
    RunAs,
    below::create_below,
    dir_identity,
    mask::Masks,
    mount::real_path,
    mount_points::{Reach, check_entries, reach},
    user::with_rights_of,
};
use crate::{
    LaunchMount, MountFault, MountPart,
    local::{dirs, mountinfo},
};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Directories of the kernel. They are no directories of files, or every process needs them unchanged.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Whether a mount is possible now for this user; changes nothing.
pub(crate) fn check_mount(data: &Path, mount: &LaunchMount, run_as: Option<&RunAs>) -> Result<(), MountFault> {
    let fault = |part: MountPart| move |message: String| MountFault { part, message };
    let root = open_storage(&mount.root).map_err(fault(MountPart::Storage))?;
    check_separate(data, &root).map_err(fault(MountPart::Storage))?;
    open_source(&root, mount.directory.as_deref(), run_as).map_err(fault(MountPart::Directory))?;
    check_target(data, &mount.target, run_as).map_err(fault(MountPart::Target))
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
pub(super) fn open_source(root: impl AsFd, directory: Option<&str>, run_as: Option<&RunAs>) -> Result<OwnedFd, String> {
    let inner = directory.unwrap_or_default().trim_start_matches('/');
    let path = if inner.is_empty() { "." } else { inner };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let open = || {
        // The kernel asks for another try if a directory was renamed meanwhile.
        for _ in 0..100 {
            match openat2(&root, path, DIRECTORY, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                opened => return Ok(opened),
            }
        }
        Ok(Err(Errno::AGAIN))
    };
    let opened = with_rights_of(run_as, open).map_err(|error| error.to_string())?;
    opened.map_err(|error| source_error(inner, error))
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

/// Whether the target is possible now: it is a directory, or the sandbox can create one in the job's view.
fn check_target(data: &Path, target: &Path, run_as: Option<&RunAs>) -> Result<(), String> {
    let resolve = |open| real_path(open).map_err(|error| format!("cannot resolve {}: {error}", target.display()));
    match reach(target, run_as)? {
        Reach::Whole(open) => check_allowed(data, &resolve(&open)?),
        Reach::Part { dir, rest, is_open } => {
            check_allowed(data, &resolve(&dir)?.join(rest))?;
            if is_open { check_entries(&dir) } else { Ok(()) }
        }
    }
}

/// Opens the target. If it is missing, a mask covers the directory that must contain it, and it is created there.
pub(super) fn open_target(
    data: &Path,
    target: &Path,
    run_as: Option<&RunAs>,
    masks: &Masks,
) -> Result<OwnedFd, String> {
    let shown = target.display();
    let named = |why: String| format!("{shown}: {why}");
    let failed = |error: std::io::Error| format!("{shown}: cannot create the mount point: {error}");
    let open = match reach(target, run_as).map_err(named)? {
        Reach::Whole(open) => open,
        Reach::Part { dir, rest, .. } if masks.contain(&dir).map_err(failed)? => {
            create_below(&dir, &rest).map_err(failed)?
        }
        Reach::Part { .. } => return Err(named("cannot create the mount point".to_owned())),
    };
    let real = real_path(&open).map_err(|error| format!("cannot resolve {shown}: {error}"))?;
    check_allowed(data, &real).map_err(|why| format!("{shown} {why}"))?;
    Ok(open)
}
