//! Entering the workers' view: from here on this process, and all that it starts, sees the host so.
//!
//! Everything that is to be shown elsewhere is taken first, then what must not be seen is covered, then what was taken
//! is put into its place. What was taken may show by another path what must not be seen, so that is covered once more;
//! then all is sealed and the rights to undo it are given up.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use super::{
    RunAs, Sandbox,
    cover::{Covers, Meant},
    dir_identity::{self, DirIdentity},
    groups, inside,
    list::{self, Mounted},
    pids,
    place::Place,
    rights, root, target,
    tree::{self, Access, Tree},
};
use crate::{LaunchMount, local::dirs::AttemptDir};

/// What the shim needs of the world outside, opened before it enters the workers' view.
#[derive(Debug)]
pub(crate) struct Outside {
    attempt: OwnedFd,
    data: OwnedFd,
    proc: OwnedFd,
}

impl Outside {
    /// Opens the directories of the attempt and of the server, and the list of processes.
    pub(crate) fn open(attempt: &Path, data: &Path) -> io::Result<Self> {
        Ok(Self { attempt: tree::open(attempt)?, data: tree::open(data)?, proc: tree::open(Path::new("/proc"))? })
    }

    /// The attempt's directory, by a path that holds inside and outside.
    pub(crate) fn attempt(&self) -> PathBuf {
        tree::by_descriptor(&self.attempt)
    }

    /// The data directory, by a path that holds inside and outside.
    pub(crate) fn data(&self) -> PathBuf {
        tree::by_descriptor(&self.data)
    }

    /// The number that a process has outside, by its pidfd.
    pub(crate) fn pid_of(&self, pidfd: BorrowedFd<'_>) -> io::Result<u32> {
        let about = tree::by_descriptor(&self.proc).join(format!("self/fdinfo/{}", pidfd.as_raw_fd()));
        let about = fs::read_to_string(about)?;
        let pid = about.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
        pid.ok_or_else(|| io::Error::other("the kernel does not say which process a pidfd is of"))
    }
}

/// Enters the view of the workers of this attempt; a sentence where that cannot be. To be called before any other
/// thread exists. After an error this process must start nothing.
pub(crate) fn enter(space: &Sandbox, attempt: &AttemptDir, files: &[PathBuf]) -> Result<(), String> {
    separate().map_err(|error| format!("no mount namespace can be made: {error}"))?;
    let before = list::all()?;
    if space.own_pids {
        // Before anything is withheld, which then is withheld in what is seen.
        pids::show(&before)?;
    }
    groups::seal(&before)?;
    let place = Place::take(&before, attempt, files)?;
    let jobs = place.data.join("jobs");
    let user = space.run_as.as_ref().map_or(geteuid().as_raw(), RunAs::user);
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    // Through the user's own service manager a process could be started outside.
    let own = [place.data.as_path(), jobs.as_path(), runtime.as_path()];
    let hidden = Hidden::find(&before, own, space)?;
    let mounts = space.mounts.iter().map(|mount| take(&before, mount, &hidden)).collect::<Result<Vec<_>, _>>()?;
    let mut covers = Covers::default();
    covers.over(&before, &hidden.all, &[])?;
    let data = place.data.clone();
    let mut meant = place.put()?;
    for Taken { mount, tree, spot, access } in mounts {
        let (on, _) = target::open(&data, &mount.target)?;
        let put = tree.put(on.as_fd(), access).and_then(|()| tree.number());
        let number = put.map_err(|error| format!("nothing can be mounted at {}: {error}", mount.target.display()))?;
        meant.push(Meant { mount: number, spot });
    }
    // The job's own directories alone show nothing else, unless something is mounted in them.
    if !space.mounts.is_empty() || before.iter().any(|mounted| mounted.at != data && mounted.at.starts_with(&data)) {
        covers.over(&list::all()?, &hidden.all, &meant)?;
    }
    covers.seal()?;
    if geteuid().is_root() {
        root::withhold()?;
    }
    rights::bound()
}

/// Makes a mount namespace from which nothing gets out; where only that is permitted, in a user namespace of its own.
pub(super) fn separate() -> io::Result<()> {
    apart(CloneFlags::CLONE_NEWNS)?;
    // What is mounted on the host later is seen; what is mounted here is not seen there.
    let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    Ok(mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?)
}

/// Makes a namespace of this kind; where only that is permitted, in a user namespace of its own.
pub(super) fn apart(kind: CloneFlags) -> io::Result<()> {
    match unshare(kind) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => {
            let (user, group) = (geteuid(), getegid());
            unshare(CloneFlags::CLONE_NEWUSER | kind)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
        }
        Err(error) => Err(error.into()),
    }
}

/// What is hidden from the workers of an attempt.
struct Hidden {
    /// All of it; the server's own comes first.
    all: Vec<DirIdentity>,
    /// How many are the server's own, which are in no storage.
    own: usize,
    /// Storages that nobody may write to, by whatever name.
    sealed: Vec<DirIdentity>,
}

impl Hidden {
    fn find<'d>(mounts: &[Mounted], own: impl IntoIterator<Item = &'d Path>, space: &Sandbox) -> Result<Self, String> {
        let mut all = dir_identity::all(mounts, own)?;
        let own = all.len();
        all.extend(dir_identity::all(mounts, space.hidden.iter().map(PathBuf::as_path))?);
        Ok(Self { all, own, sealed: dir_identity::all(mounts, space.sealed.iter().map(PathBuf::as_path))? })
    }

    /// Whether a directory of a storage must not be seen through it.
    fn refuses(&self, storage: &DirIdentity, directory: &DirIdentity) -> Option<&'static str> {
        let (own, storages) = self.all.split_at_checked(self.own)?;
        if own.iter().any(|own| own.holds(directory)) {
            Some("it shows what the server hides from jobs, by another name")
        } else if storages.iter().any(|other| other.holds(directory) && !other.holds(storage)) {
            Some("the directory belongs to another storage, and can be mounted from that one only")
        } else {
            None
        }
    }

    /// Whether it is registered read-only as well, by this path or by another.
    fn seals(&self, storage: &DirIdentity) -> bool {
        self.sealed.contains(storage)
    }
}

/// A directory of a storage, to be put into its place.
struct Taken<'m> {
    mount: &'m LaunchMount,
    tree: Tree,
    /// The storage itself.
    spot: DirIdentity,
    access: Access,
}

fn take<'m>(mounts: &[Mounted], mount: &'m LaunchMount, hidden: &Hidden) -> Result<Taken<'m>, String> {
    let named = |why: String| format!("storage {} cannot be mounted: {why}", mount.storage);
    let failed = |error: io::Error| named(error.to_string());
    let root = inside::open_root(&mount.root).map_err(named)?;
    let open = inside::open(&root, mount.directory.as_deref()).map_err(named)?;
    let spot = DirIdentity::of(mounts, &root).map_err(failed)?;
    let directory = DirIdentity::of(mounts, &open).map_err(failed)?;
    if let Some(why) = hidden.refuses(&spot, &directory) {
        return Err(named(why.to_owned()));
    }
    let access = if mount.read_only || hidden.seals(&spot) { Access::Read } else { Access::Files };
    Ok(Taken { mount, tree: Tree::of(&open).map_err(failed)?, spot, access })
}
