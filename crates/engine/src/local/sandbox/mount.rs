//! Mount operations: a detached copy of a mount, attaching it, and changing what a mount allows.
//!
//! Files and directories are passed as descriptors, so that no other process can replace them between two steps.

use std::{
    fs, io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, StatVfsMountFlags, fstat, fstatvfs, openat},
    mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree},
};

use crate::local::mountinfo;

/// What an attached mount allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everything that the permissions of the files allow.
    Full,
    /// Like `Full`, but set-user-ID bits and devices have no effect, because a storage must not grant rights.
    Unprivileged,
    /// Read-only, and set-user-ID bits and devices have no effect.
    ReadOnly,
}

/// A copy of a mount and of all mounts below it that is not attached to any path yet.
pub(super) struct DetachedMount(OwnedFd);

impl DetachedMount {
    /// Copies the mount tree at an open file or directory.
    pub(super) fn copy_of(open: impl AsFd) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        Ok(Self(open_tree(open, "", flags)?))
    }

    /// The number of the mount, as in `mountinfo`.
    pub(super) fn id(&self) -> io::Result<u64> {
        mount_id(&self.0)
    }

    /// Whether the mount shows a directory, not a file.
    pub(super) fn is_dir(&self) -> io::Result<bool> {
        Ok(FileType::from_raw_mode(fstat(&self.0)?.st_mode).is_dir())
    }

    /// Attaches the mount on top of an open file or directory.
    pub(super) fn attach(&self, on: impl AsFd, access: Access) -> io::Result<()> {
        let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(&self.0, "", on, "", both)?;
        match access {
            Access::Full => Ok(()),
            Access::Unprivileged => restrict(&self.0, MsFlags::MS_NOSUID | MsFlags::MS_NODEV),
            Access::ReadOnly => restrict(&self.0, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY),
        }
    }
}

/// Adds restrictions to the mount of an open file or directory and to all mounts below it.
fn restrict(open: impl AsFd, more: MsFlags) -> io::Result<()> {
    if !FileType::from_raw_mode(fstat(&open)?.st_mode).is_dir() {
        // No mount can be below a file.
        return remount(&fd_path(&open), flags(fstatvfs(&open)?.f_flag) | more);
    }
    let own = mount_id(&open)?;
    for entry in mountinfo::subtree(&mountinfo::all()?, own) {
        let point = if entry.id == own { &fd_path(&open) } else { &entry.point };
        remount(point, entry.flags | more)?;
    }
    Ok(())
}

/// What a mount does not allow, as the flags that a remount must repeat.
fn flags(of: StatVfsMountFlags) -> MsFlags {
    let all = [
        (StatVfsMountFlags::RDONLY, MsFlags::MS_RDONLY),
        (StatVfsMountFlags::NOSUID, MsFlags::MS_NOSUID),
        (StatVfsMountFlags::NODEV, MsFlags::MS_NODEV),
        (StatVfsMountFlags::NOEXEC, MsFlags::MS_NOEXEC),
    ];
    all.into_iter().filter(|(has, _)| of.contains(*has)).map(|(_, flag)| flag).collect()
}

/// Mounts a new file system of the kernel, such as `tmpfs`.
pub(super) fn file_system(kind: &str, point: &Path, flags: MsFlags, options: &str) -> io::Result<()> {
    Ok(mount(Some(kind), point, Some(kind), flags, Some(options))?)
}

/// Makes a directory read-only, without privileged programs and devices. Nothing may be mounted below it.
pub(super) fn bind_read_only(path: &Path) -> io::Result<()> {
    mount(Some(path), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    remount(path, MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC)
}

/// Changes what the mount at this path allows.
pub(super) fn remount(point: &Path, flags: MsFlags) -> io::Result<()> {
    Ok(mount(None::<&str>, point, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None::<&str>)?)
}

/// The number of the mount that contains an open file or directory.
pub(super) fn mount_id(open: impl AsFd) -> io::Result<u64> {
    let fdinfo = fs::read_to_string(format!("/proc/self/fdinfo/{}", open.as_fd().as_raw_fd()))?;
    let id = fdinfo.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.ok_or_else(|| io::Error::other("the kernel does not report the mount of an open file"))
}

/// Opens a path for use as a mount point or as the source of a mount, not for reading.
pub(super) fn open_path(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

/// The path of an open file or directory, without symbolic links.
pub(super) fn real_path(open: impl AsFd) -> io::Result<PathBuf> {
    fs::read_link(fd_path(open))
}

/// A path through the descriptor, which stays valid whatever is mounted over the file or around it.
pub(super) fn fd_path(open: impl AsFd) -> PathBuf {
    format!("/proc/self/fd/{}", open.as_fd().as_raw_fd()).into()
}
