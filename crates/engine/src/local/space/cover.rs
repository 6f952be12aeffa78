//! Hiding a directory: an empty one is mounted over it, wherever it shows.

use std::{
    collections::BTreeSet,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};

use super::{
    list::{self, Mounted},
    tree,
};

/// Enough for the directories on which the job's own are mounted, and for nothing else.
const LIMITS: &str = "size=64k,nr_inodes=8k,mode=0755";

const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// What is hidden; things can be put in its place until it is sealed.
pub(super) struct Covers(Vec<(PathBuf, OwnedFd)>);

/// Hides each directory that exists, at each path by which it can be reached.
pub(super) fn over<'d>(mounts: &[Mounted], dirs: impl IntoIterator<Item = &'d Path>) -> Result<Covers, String> {
    let mut places = BTreeSet::new();
    for dir in dirs {
        let Some(real) = real(dir)? else { continue };
        let device = fs::metadata(&real).map(|found| found.dev()).map_err(cannot(&real))?;
        let shows = list::showing(mounts, &real).into_iter();
        // A place that another mount covers shows something else.
        let same = |place: &PathBuf| fs::metadata(place).is_ok_and(|found| found.is_dir() && found.dev() == device);
        places.extend(shows.filter(same));
    }
    let mut covers = Vec::new();
    // From the top down; what lies below a hidden one is not there any more.
    for place in places {
        if fs::metadata(&place).is_ok_and(|found| found.is_dir()) {
            mount(Some("tmpfs"), &place, Some("tmpfs"), FLAGS, Some(LIMITS)).map_err(cannot(&place))?;
            let open = tree::open(&place).map_err(cannot(&place))?;
            covers.push((place, open));
        }
    }
    Ok(Covers(covers))
}

impl Covers {
    /// From now on nothing can be changed in what stands in their place.
    pub(super) fn seal(self) -> Result<(), String> {
        for (place, open) in self.0 {
            // By the cover itself: another mount may lie on its place by now.
            tree::remount(&tree::by_descriptor(&open), MsFlags::MS_RDONLY | FLAGS).map_err(cannot(&place))?;
        }
        Ok(())
    }
}

/// The real path, if there is such a directory and this user can reach it: others cannot either.
fn real(dir: &Path) -> Result<Option<PathBuf>, String> {
    match fs::canonicalize(dir) {
        Ok(real) => Ok(Some(real)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied => Ok(None),
            _ => Err(cannot(dir)(error)),
        },
    }
}

fn cannot<E: std::fmt::Display>(place: &Path) -> impl Fn(E) -> String {
    move |error| format!("{} cannot be hidden: {error}", place.display())
}
