//! Masks: an empty read-only file system that is mounted over each path that shows a hidden directory.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};

use super::{
    dir_identity::{self, DirIdentity},
    mount::{self, Access, DetachedMount},
};
use crate::local::mountinfo::{self, MountEntry};

/// Enough for the mount points of the job's own directories, and for nothing else.
const LIMITS: &str = "size=64k,nr_inodes=8k,mode=0755";

const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// The masks of an attempt. They are writable until [`Masks::seal`], so that mount points can be created in them.
#[derive(Default)]
pub(super) struct Masks(Vec<(PathBuf, OwnedFd)>);

/// A mount that the workers must see, although it shows a part of a hidden directory.
pub(super) struct Visible {
    /// The number of the mount.
    pub(super) mount: u64,
    /// The directory that workers may see through this mount and the mounts on it, except hidden directories in it.
    pub(super) dir: DirIdentity,
}

impl Masks {
    /// Masks each hidden directory at every path that shows it now, except through the visible mounts.
    pub(super) fn add(
        &mut self,
        mounts: &[MountEntry],
        hidden: &[DirIdentity],
        visible: &[Visible],
    ) -> Result<(), String> {
        let ids = |one: &Visible| mountinfo::subtree(mounts, one.mount).into_iter().map(|entry| entry.id).collect();
        let trees: Vec<(BTreeSet<u64>, &DirIdentity)> = visible.iter().map(|one| (ids(one), &one.dir)).collect();
        let is_visible = |hidden: &DirIdentity, entry: &MountEntry| {
            let root = DirIdentity::of_mount(entry);
            let exempts = |dir: &DirIdentity| hidden.contains(dir) && dir.contains(&root);
            trees.iter().any(|(ids, dir)| ids.contains(&entry.id) && exempts(dir))
        };
        let mut paths = BTreeSet::new();
        for hidden in hidden {
            let shows = mounts.iter().filter(|entry| !is_visible(hidden, entry));
            paths.extend(shows.filter_map(|entry| Some((dir_identity::visible_at(hidden, entry)?, entry.id))));
        }
        // From the top down: a mask removes all paths below it.
        for (path, id) in paths {
            if mount::open_path(&path).and_then(mount::mount_id).is_ok_and(|now| now == id) {
                self.cover(path)?;
            }
        }
        Ok(())
    }

    /// Masks one path.
    pub(super) fn cover(&mut self, path: PathBuf) -> Result<(), String> {
        if !fs::metadata(&path).map_err(cannot_hide(&path))?.is_dir() {
            return mask_file(&path).map_err(cannot_hide(&path));
        }
        mount(Some("tmpfs"), &path, Some("tmpfs"), FLAGS, Some(LIMITS)).map_err(cannot_hide(&path))?;
        let open = mount::open_path(&path).map_err(cannot_hide(&path))?;
        self.0.push((path, open));
        Ok(())
    }

    /// Whether a directory is in one of the masks.
    pub(super) fn contain(&self, dir: &OwnedFd) -> std::io::Result<bool> {
        let id = mount::mount_id(dir)?;
        self.0.iter().try_fold(false, |found, (_, mask)| Ok(found || mount::mount_id(mask)? == id))
    }

    /// Makes the masks read-only.
    pub(super) fn seal(self) -> Result<(), String> {
        for (path, open) in self.0 {
            // Through the descriptor of the mask, since another mount may cover its path by now.
            mount::remount(&mount::fd_path(&open), MsFlags::MS_RDONLY | FLAGS).map_err(cannot_hide(&path))?;
        }
        Ok(())
    }
}

/// Mounts `/dev/null` over a file or device.
pub(super) fn mask_file(path: &Path) -> std::io::Result<()> {
    let null = mount::open_path(Path::new("/dev/null")).and_then(DetachedMount::copy_of)?;
    null.attach(mount::open_path(path)?, Access::Full)
}

pub(super) fn cannot_hide<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("cannot hide {}: {error}", path.display())
}
