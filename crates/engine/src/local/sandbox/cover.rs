//! Hiding a directory: an empty one is mounted over it, wherever it shows.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};

use super::{
    dir_identity::{self, DirIdentity},
    list::{self, Mounted},
    tree::{self, Access, Tree},
};

/// Enough for the directories on which the job's own are mounted, and for nothing else.
const LIMITS: &str = "size=64k,nr_inodes=8k,mode=0755";

const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// What is hidden; things can be put in its place until it is sealed.
#[derive(Default)]
pub(super) struct Covers(Vec<(PathBuf, OwnedFd)>);

/// A mount that the workers are meant to see, though it shows a part of what is hidden elsewhere.
pub(super) struct Meant {
    /// Its number.
    pub(super) mount: u64,
    /// What may be seen through it and through the mounts that lie on it; what is hidden inside of that may not.
    pub(super) spot: DirIdentity,
}

impl Covers {
    /// Hides each of these at every path by which it can be reached now, but for what is meant to be seen.
    pub(super) fn over(&mut self, mounts: &[Mounted], hidden: &[DirIdentity], meant: &[Meant]) -> Result<(), String> {
        let numbers =
            |one: &Meant| list::from(mounts.to_vec(), one.mount).into_iter().map(|mounted| mounted.id).collect();
        let trees: Vec<(BTreeSet<u64>, &DirIdentity)> = meant.iter().map(|one| (numbers(one), &one.spot)).collect();
        let is_meant = |hidden: &DirIdentity, mounted: &Mounted| {
            let root = DirIdentity::of_mount(mounted);
            let covers = |spot: &DirIdentity| hidden.holds(spot) && spot.holds(&root);
            trees.iter().any(|(numbers, spot)| numbers.contains(&mounted.id) && covers(spot))
        };
        let mut places = BTreeSet::new();
        for hidden in hidden {
            let shows = mounts.iter().filter(|mounted| !is_meant(hidden, mounted));
            places.extend(shows.filter_map(|mounted| Some((dir_identity::at(hidden, mounted)?, mounted.id))));
        }
        // From the top down; what lies below a hidden one is not there any more.
        for (place, number) in places {
            if tree::open(&place).and_then(tree::number).is_ok_and(|now| now == number) {
                self.hide(place)?;
            }
        }
        Ok(())
    }

    fn hide(&mut self, place: PathBuf) -> Result<(), String> {
        if !fs::metadata(&place).map_err(cannot(&place))?.is_dir() {
            let null = tree::open(Path::new("/dev/null")).and_then(Tree::of);
            return null.and_then(|null| null.put(tree::open(&place)?, Access::Own)).map_err(cannot(&place));
        }
        mount(Some("tmpfs"), &place, Some("tmpfs"), FLAGS, Some(LIMITS)).map_err(cannot(&place))?;
        let open = tree::open(&place).map_err(cannot(&place))?;
        self.0.push((place, open));
        Ok(())
    }

    /// From now on nothing can be changed in what stands in their place.
    pub(super) fn seal(self) -> Result<(), String> {
        for (place, open) in self.0 {
            // By the cover itself: another mount may lie on its place by now.
            tree::remount(&tree::by_descriptor(&open), MsFlags::MS_RDONLY | FLAGS).map_err(cannot(&place))?;
        }
        Ok(())
    }
}

fn cannot<E: std::fmt::Display>(place: &Path) -> impl Fn(E) -> String {
    move |error| format!("{} cannot be hidden: {error}", place.display())
}
