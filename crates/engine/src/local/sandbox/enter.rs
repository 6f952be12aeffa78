//! Entering the sandbox: from here on this process, and all that it starts, sees only what workers may see.
//!
//! The order matters. The mounts that workers see at another path are copied first, then the private directories cover
//! those of the host, then hidden directories are masked, then the copies are attached. A copy may show a hidden directory
//! at another path, so the masks are applied once more. Last, the masks become read-only and the rights to undo any of this
//! are dropped.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use super::{
    CgroupView, RunAs, Sandbox, capabilities,
    dir_identity::{self, DirIdentity},
    hardening,
    job_dirs::JobDirs,
    job_mounts,
    mask::{Masks, Visible},
    mount::{Access, DetachedMount, fd_path, open_path},
    mount_points::MountPoints,
    namespaces,
    private_dirs::{self, Attached, PrivateDirs},
};
use crate::{
    LaunchMount,
    local::{
        dirs::AttemptDir,
        means::Means,
        mountinfo::{self, MountEntry},
    },
};

/// Directories of the host that the shim keeps open, so that it can use them inside the sandbox.
#[derive(Debug)]
pub(crate) struct HostDirs {
    attempt: OwnedFd,
    data: OwnedFd,
    proc: OwnedFd,
}

impl HostDirs {
    /// Opens the directory of the attempt, the data directory and `/proc`.
    pub(crate) fn open(attempt: &Path, data: &Path) -> io::Result<Self> {
        Ok(Self { attempt: open_path(attempt)?, data: open_path(data)?, proc: open_path(Path::new("/proc"))? })
    }

    /// The attempt's directory, by a path that is valid inside and outside of the sandbox.
    pub(crate) fn attempt(&self) -> PathBuf {
        fd_path(&self.attempt)
    }

    /// The data directory, by a path that is valid inside and outside of the sandbox.
    pub(crate) fn data(&self) -> PathBuf {
        fd_path(&self.data)
    }

    /// The pid on the host of the process that a pidfd belongs to.
    pub(crate) fn pid_of(&self, pidfd: BorrowedFd<'_>) -> io::Result<u32> {
        let fdinfo = fd_path(&self.proc).join(format!("self/fdinfo/{}", pidfd.as_raw_fd()));
        let fdinfo = fs::read_to_string(fdinfo)?;
        let pid = fdinfo.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
        pid.ok_or_else(|| io::Error::other("the kernel does not report the process of a pidfd"))
    }
}

/// What an attempt needs in its sandbox.
pub(crate) struct Needs<'a> {
    pub(crate) sandbox: &'a Sandbox,
    /// The means that the launch uses.
    pub(crate) means: &'a BTreeSet<Means>,
    pub(crate) attempt: &'a AttemptDir,
    /// Files of the attempt that workers read.
    pub(crate) files: &'a [PathBuf],
    /// The working directory that the job asks for.
    pub(crate) work_dir: Option<&'a Path>,
    /// The memory of all workers together, in bytes, if it is limited.
    pub(crate) memory: Option<u64>,
}

/// Enters the sandbox of this attempt; the error says why that failed. The process must have no other thread. After an
/// error it must start nothing. Returns what each worker has to enter in addition.
pub(crate) fn enter(needs: &Needs<'_>) -> Result<Option<CgroupView>, String> {
    let Needs { sandbox, means, attempt, .. } = *needs;
    namespaces::unshare_mounts(means.contains(&Means::Ipc))?;
    let list = || mountinfo::all().map_err(super::cannot_list);
    let before = list()?;
    if sandbox.pid_namespace {
        // Before parts of `/proc` are hidden, so that they are hidden in the new one.
        namespaces::mount_proc(&before)?;
    }
    hardening::protect_control_groups(&before)?;
    let job_dirs = JobDirs::detach(&before, attempt, needs.files)?;
    let data = job_dirs.data.clone();
    let jobs = data.join("jobs");
    let run_as = sandbox.run_as.as_ref();
    let user = run_as.map_or(geteuid().as_raw(), RunAs::user);
    // A worker could start a process outside of the sandbox through the service manager of its user.
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    let hidden = Hidden::find(&before, [data.as_path(), jobs.as_path(), runtime.as_path()], sandbox)?;
    let mounts =
        sandbox.mounts.iter().map(|mount| detach(&before, mount, &hidden, run_as)).collect::<Result<Vec<_>, _>>()?;
    // Opened before other directories cover the attempt's.
    let mut points = MountPoints::new(run_as, &attempt.0)?;
    let (private, shows_more) = make_private(needs, &before, &data)?;
    let own = private.as_ref().map(Attached::paths).unwrap_or_default();
    let targets: Vec<&Path> = sandbox.mounts.iter().map(|mount| mount.target.as_path()).collect();
    points.create(&targets, &hidden.all, &own)?;
    // The working directory may contain a hidden directory, and a cover has copies of all mounts below it.
    let now = if shows_more || points.has_covers() { Some(list()?) } else { None };
    let now = now.as_deref().unwrap_or(&before);
    let mut visible = points.visible(now)?;
    let mut masks = Masks::default();
    if let Some(private) = &private {
        visible.extend(private.visible()?);
        if private.create(&data)? {
            masks.cover(data.clone())?;
        }
    }
    masks.add(now, &hidden.all, &visible)?;
    visible.extend(job_dirs.attach()?);
    for StorageMount { mount, detached, storage, access } in mounts {
        let target = job_mounts::open_target(&data, &mount.target, run_as, &masks)?;
        let attached = detached.attach(&target, access).and_then(|()| detached.id());
        let id = attached.map_err(|error| format!("cannot mount at {}: {error}", mount.target.display()))?;
        visible.push(Visible { mount: id, dir: storage });
    }
    // The job's own directories alone show nothing hidden, unless something is mounted in them.
    if !sandbox.mounts.is_empty() || before.iter().any(|entry| entry.point != data && entry.point.starts_with(&data)) {
        masks.add(&list()?, &hidden.all, &visible)?;
    }
    masks.seal()?;
    if geteuid().is_root() {
        hardening::protect_host(&before)?;
    }
    capabilities::drop_capabilities()?;
    Ok(means.contains(&Means::ControlGroups).then(|| CgroupView::of(&before)))
}

/// Mounts the directories that the attempt has for itself. Returns them, and whether the working directory is in one.
fn make_private(needs: &Needs<'_>, before: &[MountEntry], data: &Path) -> Result<(Option<Attached>, bool), String> {
    let Needs { sandbox, means, attempt, work_dir, memory, .. } = *needs;
    let (mut attached, mut shows_more) = (None, false);
    if means.contains(&Means::Directories) {
        let tmp = attempt.job().unwrap_or(&attempt.0).join("tmp");
        let private = PrivateDirs::detach(before, (data, &tmp), work_dir, sandbox.run_as.as_ref())?;
        shows_more = private.keeps_work_dir;
        attached = Some(private.attach()?);
    }
    if means.contains(&Means::SharedMemory) {
        private_dirs::mount_shared_memory(memory)?;
    }
    if means.contains(&Means::Ipc) {
        private_dirs::mount_queues(memory)?;
    }
    Ok((attached, shows_more))
}

/// The directories that are hidden from the workers of an attempt.
struct Hidden {
    /// All hidden directories; those of the server come first.
    all: Vec<DirIdentity>,
    /// How many of them belong to the server and not to a storage.
    own: usize,
    /// Storages that are read-only under every name.
    read_only: Vec<DirIdentity>,
}

impl Hidden {
    fn find<'d>(
        mounts: &[MountEntry],
        own: impl IntoIterator<Item = &'d Path>,
        sandbox: &Sandbox,
    ) -> Result<Self, String> {
        let mut all = dir_identity::identify(mounts, own)?;
        let own = all.len();
        all.extend(dir_identity::identify(mounts, sandbox.hidden.iter().map(PathBuf::as_path))?);
        let read_only = dir_identity::identify(mounts, sandbox.sealed.iter().map(PathBuf::as_path))?;
        Ok(Self { all, own, read_only })
    }

    /// Why a directory of a storage must not be seen through this storage, if so.
    fn refuses(&self, storage: &DirIdentity, directory: &DirIdentity) -> Option<&'static str> {
        let (own, storages) = self.all.split_at_checked(self.own)?;
        if own.iter().any(|own| own.contains(directory)) {
            Some("it shows what the server hides from jobs, under another name")
        } else if storages.iter().any(|other| other.contains(directory) && !other.contains(storage)) {
            Some("the directory belongs to another storage and can be mounted only from that one")
        } else {
            None
        }
    }
}

/// A directory of a storage, detached, and how to attach it.
struct StorageMount<'m> {
    mount: &'m LaunchMount,
    detached: DetachedMount,
    /// The whole storage.
    storage: DirIdentity,
    access: Access,
}

fn detach<'m>(
    mounts: &[MountEntry],
    mount: &'m LaunchMount,
    hidden: &Hidden,
    run_as: Option<&RunAs>,
) -> Result<StorageMount<'m>, String> {
    let named = |why: String| format!("storage {} cannot be mounted: {why}", mount.storage);
    let failed = |error: io::Error| named(error.to_string());
    let root = job_mounts::open_storage(&mount.root).map_err(named)?;
    let open = job_mounts::open_source(&root, mount.directory.as_deref(), run_as).map_err(named)?;
    let storage = DirIdentity::of(mounts, &root).map_err(failed)?;
    let directory = DirIdentity::of(mounts, &open).map_err(failed)?;
    if let Some(why) = hidden.refuses(&storage, &directory) {
        return Err(named(why.to_owned()));
    }
    // The storage may also be registered read-only under another path.
    let is_read_only = mount.read_only || hidden.read_only.contains(&storage);
    let access = if is_read_only { Access::ReadOnly } else { Access::Unprivileged };
    Ok(StorageMount { mount, detached: DetachedMount::copy_of(&open).map_err(failed)?, storage, access })
}
