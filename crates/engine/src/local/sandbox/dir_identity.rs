//! What a directory is, whatever it is called: which filesystem, and where in it.
//!
//! One directory may be reachable by several paths: its filesystem may be mounted twice, or a part of it bound
//! somewhere. Whoever hides it must hide all of them.

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

/// A directory by its filesystem and its place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DirIdentity {
    device: String,
    inner: PathBuf,
}

impl DirIdentity {
    /// Of what is open here.
    pub(super) fn of(mounts: &[Mounted], open: impl AsFd) -> io::Result<Self> {
        let (number, real) = (tree::number(&open)?, tree::real_path(&open)?);
        let later;
        let mut mounted = mounts.iter().find(|mounted| mounted.id == number);
        if mounted.is_none() {
            // Opening it may have mounted it.
            later = list::all().map_err(io::Error::other)?;
            mounted = later.iter().find(|mounted| mounted.id == number);
        }
        let mounted = mounted.ok_or_else(|| io::Error::other("the kernel does not list the mount on which it lies"))?;
        let rest = real.strip_prefix(&mounted.at).map_err(io::Error::other)?;
        Ok(Self { device: mounted.device.clone(), inner: joined(&mounted.root, rest) })
    }

    /// What a mount shows.
    pub(super) fn of_mount(mounted: &Mounted) -> Self {
        Self { device: mounted.device.clone(), inner: mounted.root.clone() }
    }

    /// Whether the other one is the same or lies inside.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.device == other.device && other.inner.starts_with(&self.inner)
    }

    /// Where a mount shows it or a part of it, as long as no other mount lies there.
    pub(super) fn shown_by(&self, mounted: &Mounted) -> Option<PathBuf> {
        let whole = Self::of_mount(mounted);
        if self.holds(&whole) {
            return Some(mounted.at.clone());
        }
        let rest = self.inner.strip_prefix(&mounted.root).ok().filter(|_| whole.device == self.device)?;
        Some(joined(&mounted.at, rest))
    }
}

/// Every one of these directories that exists and that this user can reach: what he cannot, others cannot either.
pub(super) fn all<'d>(
    mounts: &[Mounted],
    dirs: impl IntoIterator<Item = &'d Path>,
) -> Result<Vec<DirIdentity>, String> {
    let mut open = Vec::new();
    for dir in dirs {
        // The look comes first: it mounts what is mounted on demand.
        match fs::metadata(dir).and_then(|_| tree::open(dir)) {
            Ok(found) => open.push((dir, found)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => {}
                _ => return Err(format!("{} cannot be hidden: {error}", dir.display())),
            },
        }
    }
    let spot = |(dir, open): (&Path, _)| {
        DirIdentity::of(mounts, open).map_err(|error| format!("{} cannot be hidden: {error}", dir.display()))
    };
    open.into_iter().map(spot).collect()
}

/// Where the first path that lies at or below `top` shows one of these, for people; `top` is open there.
pub(super) fn showing_below(mounts: &[Mounted], spots: &[DirIdentity], top: impl AsFd) -> io::Result<Option<PathBuf>> {
    let (spot, real) = (DirIdentity::of(mounts, &top)?, tree::real_path(&top)?);
    if spots.iter().any(|hidden| hidden.holds(&spot)) {
        return Ok(Some(real));
    }
    let mut places = spots.iter().flat_map(|hidden| mounts.iter().filter_map(|mounted| at(hidden, mounted)));
    Ok(places.find(|place| place.starts_with(&real)))
}

/// Where a mount really shows it: not where something else has been mounted over it.
pub(super) fn at(hidden: &DirIdentity, mounted: &Mounted) -> Option<PathBuf> {
    let place = hidden.shown_by(mounted)?;
    let is_seen = tree::open(&place).and_then(tree::number).is_ok_and(|number| number == mounted.id);
    is_seen.then_some(place)
}

/// Without a slash at the end where nothing is added: `place/` is not the file `place`.
fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { path.to_owned() } else { path.join(rest) }
}
