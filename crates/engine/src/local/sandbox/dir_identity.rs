//! The identity of a directory: a file system, and a directory in it.
//!
//! One directory may have several paths, if its file system is mounted twice or a part of it is bind-mounted. To hide a
//! directory, the shim must hide all of its paths.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use super::mount::{mount_id, open_path, real_path};
use crate::local::mountinfo::{self, MountEntry};

/// A directory by its file system and its path inside of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirIdentity {
    device: String,
    inner: PathBuf,
}

impl DirIdentity {
    /// The identity of an open directory or file.
    pub(super) fn of(mounts: &[MountEntry], open: impl AsFd) -> io::Result<Self> {
        let (id, real) = (mount_id(&open)?, real_path(&open)?);
        let later;
        let mut entry = mounts.iter().find(|entry| entry.id == id);
        if entry.is_none() {
            // Opening it may have mounted its file system.
            later = mountinfo::all()?;
            entry = later.iter().find(|entry| entry.id == id);
        }
        let entry = entry.ok_or_else(|| io::Error::other("the kernel does not list the mount that contains it"))?;
        let rest = real.strip_prefix(&entry.point).map_err(io::Error::other)?;
        Ok(Self { device: entry.device.clone(), inner: joined(&entry.root, rest) })
    }

    /// The identity of the directory that a mount shows.
    pub(super) fn of_mount(entry: &MountEntry) -> Self {
        Self { device: entry.device.clone(), inner: entry.root.clone() }
    }

    /// Whether the other directory is the same or lies inside of this one.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.device == other.device && other.inner.starts_with(&self.inner)
    }

    /// The path at which a mount shows this directory or a part of it, unless another mount covers that path.
    fn shown_by(&self, entry: &MountEntry) -> Option<PathBuf> {
        let whole = Self::of_mount(entry);
        if self.contains(&whole) {
            return Some(entry.point.clone());
        }
        let rest = self.inner.strip_prefix(&entry.root).ok().filter(|_| whole.device == self.device)?;
        Some(joined(&entry.point, rest))
    }
}

/// The identities of all these directories that exist and that this user can reach. The jobs of a user reach no others.
pub(super) fn identify<'d>(
    mounts: &[MountEntry],
    dirs: impl IntoIterator<Item = &'d Path>,
) -> Result<Vec<DirIdentity>, String> {
    let mut open = Vec::new();
    for dir in dirs {
        // Reading the metadata first mounts what is mounted on demand.
        match fs::metadata(dir).and_then(|_| open_path(dir)) {
            Ok(found) => open.push((dir, found)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => {}
                _ => return Err(format!("cannot hide {}: {error}", dir.display())),
            },
        }
    }
    let identity = |(dir, open): (&Path, _)| {
        DirIdentity::of(mounts, open).map_err(|error| format!("cannot hide {}: {error}", dir.display()))
    };
    open.into_iter().map(identity).collect()
}

/// The first path at or below the open directory `top` that shows one of these directories.
pub(super) fn visible_below(
    mounts: &[MountEntry],
    hidden: &[DirIdentity],
    top: impl AsFd,
) -> io::Result<Option<PathBuf>> {
    let (identity, real) = (DirIdentity::of(mounts, &top)?, real_path(&top)?);
    if hidden.iter().any(|hidden| hidden.contains(&identity)) {
        return Ok(Some(real));
    }
    let mut paths = hidden.iter().flat_map(|hidden| mounts.iter().filter_map(|entry| visible_at(hidden, entry)));
    Ok(paths.find(|path| path.starts_with(&real)))
}

/// The path at which a mount shows the directory, if no other mount covers it there.
pub(super) fn visible_at(hidden: &DirIdentity, entry: &MountEntry) -> Option<PathBuf> {
    let path = hidden.shown_by(entry)?;
    let is_visible = open_path(&path).and_then(mount_id).is_ok_and(|id| id == entry.id);
    is_visible.then_some(path)
}

/// Joins without a slash at the end if nothing is added: `place/` is not the file `place`.
fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}
