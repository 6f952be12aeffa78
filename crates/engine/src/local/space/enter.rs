//! Entering the workers' view: from here on this process, and all that it starts, sees the host so.
//!
//! Everything that is to be shown elsewhere is taken first, then what must not be seen is covered, then what was taken
//! is put into its place, then all is sealed and the rights to undo it are given up.

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
    RunAs, Space, cover, groups, inside, list, pids,
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
pub(crate) fn enter(space: &Space, attempt: &AttemptDir, files: &[PathBuf]) -> Result<(), String> {
    separate().map_err(|error| format!("no mount namespace can be made: {error}"))?;
    let before = list::all()?;
    if space.own_pids {
        // Before anything is withheld, which then is withheld in what is seen.
        pids::show(&before)?;
    }
    groups::seal(&before)?;
    let place = Place::take(attempt, files)?;
    let mounts = space.mounts.iter().map(take).collect::<Result<Vec<_>, _>>()?;
    let jobs = place.data.join("jobs");
    let user = space.run_as.as_ref().map_or(geteuid().as_raw(), RunAs::user);
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    // Through the user's own service manager a process could be started outside.
    let own = [place.data.as_path(), jobs.as_path(), runtime.as_path()];
    let covers = cover::over(&before, own.into_iter().chain(space.hidden.iter().map(PathBuf::as_path)))?;
    let data = place.data.clone();
    place.put()?;
    for (mount, tree) in mounts {
        let (on, _) = target::open(&data, &mount.target)?;
        let access = if mount.read_only { Access::Read } else { Access::Files };
        let put = tree.put(on.as_fd(), access);
        put.map_err(|error| format!("nothing can be mounted at {}: {error}", mount.target.display()))?;
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

fn take(mount: &LaunchMount) -> Result<(&LaunchMount, Tree), String> {
    let named = |why: String| format!("storage {} cannot be mounted: {why}", mount.storage);
    let root = inside::open_root(&mount.root).map_err(named)?;
    let open = inside::open(&root, mount.directory.as_deref()).map_err(named)?;
    let tree = Tree::of(&open).map_err(|error| named(error.to_string()))?;
    Ok((mount, tree))
}
