//! Mounts that show a directory in another place: taken while it can still be seen, put where it is wanted.

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

use super::list;

/// What may be done through a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// All that its files allow.
    Own,
    /// The same, without privileged programs and devices, which a storage has no business to bring along.
    Files,
    /// Reading only.
    Read,
}

/// A mount that is nowhere yet, with all that is mounted below.
pub(super) struct Tree(OwnedFd);

impl Tree {
    /// Of what is open here.
    pub(super) fn of(open: impl AsFd) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        Ok(Self(open_tree(open, "", flags)?))
    }

    /// Its number.
    pub(super) fn number(&self) -> io::Result<u64> {
        number(&self.0)
    }

    /// Puts it on what is open there.
    pub(super) fn put(&self, on: impl AsFd, access: Access) -> io::Result<()> {
        let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(&self.0, "", on, "", both)?;
        match access {
            Access::Own => Ok(()),
            Access::Files => restrict(&self.0, MsFlags::MS_NOSUID | MsFlags::MS_NODEV),
            Access::Read => restrict(&self.0, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY),
        }
    }
}

/// Takes something away from the mount that is open here and from all that are mounted below.
fn restrict(open: impl AsFd, more: MsFlags) -> io::Result<()> {
    if !FileType::from_raw_mode(fstat(&open)?.st_mode).is_dir() {
        // Nothing can be mounted below a file.
        return remount(&by_descriptor(&open), flags(fstatvfs(&open)?.f_flag) | more);
    }
    let own = number(&open)?;
    for mounted in list::from(list::all().map_err(io::Error::other)?, own) {
        let by_descriptor = by_descriptor(&open);
        let at = if mounted.id == own { by_descriptor } else { mounted.at };
        remount(&at, mounted.flags | more)?;
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

/// Changes what may be done through the mount at this path.
pub(super) fn remount(at: &Path, flags: MsFlags) -> io::Result<()> {
    Ok(mount(None::<&str>, at, None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None::<&str>)?)
}

/// The number of the mount on which what is open lies.
pub(super) fn number(open: impl AsFd) -> io::Result<u64> {
    let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", open.as_fd().as_raw_fd()))?;
    let number = about.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::other("the kernel does not say on which mount a file lies"))
}

/// Opens a place, not to be read but to be mounted on or to be shown elsewhere.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

/// Where what is open lies, without links.
pub(super) fn real_path(open: impl AsFd) -> io::Result<PathBuf> {
    fs::read_link(by_descriptor(open))
}

/// A path to what is open, which holds whatever is mounted over it or around it.
pub(super) fn by_descriptor(open: impl AsFd) -> PathBuf {
    format!("/proc/self/fd/{}", open.as_fd().as_raw_fd()).into()
}
