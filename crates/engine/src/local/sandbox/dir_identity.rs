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

use super::{
    list::{self, Mounted},
    tree,
};

/// A directory by its file system and its path inside of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirIdentity {
    device: String,
    inner: PathBuf,
}

impl DirIdentity {
    /// The identity of an open directory or file.
    pub(super) fn of(mounts: &[Mounted], open: impl AsFd) -> io::Result<Self> {
        let (number, real) = (tree::number(&open)?, tree::real_path(&open)?);
        let later;
        let mut mounted = mounts.iter().find(|mounted| mounted.id == number);
        if mounted.is_none() {
            // Opening it may have mounted its file system.
            later = list::all().map_err(io::Error::other)?;
            mounted = later.iter().find(|mounted| mounted.id == number);
        }
        let mounted = mounted.ok_or_else(|| io::Error::other("the kernel does not list the mount on which it lies"))?;
        let rest = real.strip_prefix(&mounted.at).map_err(io::Error::other)?;
        Ok(Self { device: mounted.device.clone(), inner: joined(&mounted.root, rest) })
    }

    /// The identity of the directory that a mount shows.
    pub(super) fn of_mount(mounted: &Mounted) -> Self {
        Self { device: mounted.device.clone(), inner: mounted.root.clone() }
    }

    /// Whether the other directory is the same or lies inside of this one.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.device == other.device && other.inner.starts_with(&self.inner)
    }

    /// The path at which a mount shows this directory or a part of it, unless another mount covers that path.
    pub(super) fn shown_by(&self, mounted: &Mounted) -> Option<PathBuf> {
        let whole = Self::of_mount(mounted);
        if self.holds(&whole) {
            return Some(mounted.at.clone());
        }
        let rest = self.inner.strip_prefix(&mounted.root).ok().filter(|_| whole.device == self.device)?;
        Some(joined(&mounted.at, rest))
    }
}

/// The identities of all these directories that exist and that this user can reach. The jobs of a user reach no others.
pub(super) fn all<'d>(
    mounts: &[Mounted],
    dirs: impl IntoIterator<Item = &'d Path>,
) -> Result<Vec<DirIdentity>, String> {
    let mut open = Vec::new();
    for dir in dirs {
        // Reading the metadata first mounts what is mounted on demand.
        match fs::metadata(dir).and_then(|_| tree::open(dir)) {
            Ok(found) => open.push((dir, found)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => {}
                _ => return Err(format!("cannot hide {}: {error}", dir.display())),
            },
        }
    }
    let spot = |(dir, open): (&Path, _)| {
        DirIdentity::of(mounts, open).map_err(|error| format!("cannot hide {}: {error}", dir.display()))
    };
    open.into_iter().map(spot).collect()
}

/// The first path at or below the open directory `top` that shows one of these directories.
pub(super) fn showing_below(mounts: &[Mounted], spots: &[DirIdentity], top: impl AsFd) -> io::Result<Option<PathBuf>> {
    let (spot, real) = (DirIdentity::of(mounts, &top)?, tree::real_path(&top)?);
    if spots.iter().any(|hidden| hidden.holds(&spot)) {
        return Ok(Some(real));
    }
    let mut places = spots.iter().flat_map(|hidden| mounts.iter().filter_map(|mounted| at(hidden, mounted)));
    Ok(places.find(|place| place.starts_with(&real)))
}

/// The path at which a mount shows the directory, if no other mount covers it there.
pub(super) fn at(hidden: &DirIdentity, mounted: &Mounted) -> Option<PathBuf> {
    let place = hidden.shown_by(mounted)?;
    let is_seen = tree::open(&place).and_then(tree::number).is_ok_and(|number| number == mounted.id);
    is_seen.then_some(place)
}

/// Joins without a slash at the end if nothing is added: `place/` is not the file `place`.
fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}
