//! What workers may not do, so that they cannot undo the sandbox: write control groups, reach disks and the kernel, use
//! capabilities.
//!
//! The shim keeps its own rights: it must still kill processes and remove groups. It has opened the hierarchies of control
//! groups before, through mounts that are not changed here.

use std::{
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use nix::{mount::MsFlags, sys::prctl};
use rustix::thread::{
    CapabilitySet, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::{
    mask::{cannot_hide, mask_file},
    mount::{self, Access, DetachedMount},
};
use crate::local::mountinfo::MountEntry;

/// Read-only for workers: through these files root can make the kernel run a program outside of every namespace.
const SETTINGS: [&str; 2] = ["/proc/sys", "/sys/kernel/uevent_helper"];

/// Hidden from workers: through this file root can end the whole host.
const SYSRQ: &str = "/proc/sysrq-trigger";

/// Prefixes of the names of devices through which a disk takes raw commands.
const RAW: [&str; 4] = ["sg", "bsg", "ng", "nvme"];

/// Capabilities to mount, to inspect other processes, to reach files past their directories, devices, or the kernel.
const DROPPED: [CapabilitySet; 13] = [
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::SYS_PTRACE,
    CapabilitySet::SYS_CHROOT,
    CapabilitySet::SYS_MODULE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_BOOT,
    CapabilitySet::MKNOD,
    CapabilitySet::DAC_READ_SEARCH,
    CapabilitySet::MAC_OVERRIDE,
    CapabilitySet::MAC_ADMIN,
    CapabilitySet::BPF,
    CapabilitySet::PERFMON,
    CapabilitySet::CHECKPOINT_RESTORE,
];

/// Mounts all control groups read-only, so that no worker can move a process from one group to another.
pub(super) fn protect_control_groups(mounts: &[MountEntry]) -> Result<(), String> {
    let groups = mounts.iter().filter(|entry| matches!(entry.fs_type.as_str(), "cgroup" | "cgroup2"));
    for entry in groups.filter(|entry| !entry.flags.contains(MsFlags::MS_RDONLY)) {
        let done = mount::remount(&entry.point, entry.flags | MsFlags::MS_RDONLY);
        done.map_err(cannot_protect(&entry.point))?;
    }
    Ok(())
}

/// Hides the disks from workers that run as root, and makes the settings of the kernel read-only.
pub(super) fn protect_host() -> Result<(), String> {
    for path in SETTINGS.map(Path::new).into_iter().filter(|path| path.exists()) {
        let done =
            mount::open_path(path).and_then(|open| DetachedMount::copy_of(&open)?.attach(&open, Access::ReadOnly));
        done.map_err(cannot_protect(path))?;
    }
    let sysrq = Some(PathBuf::from(SYSRQ)).filter(|path| path.exists());
    for path in sysrq.into_iter().chain(disks()) {
        mask_file(&path).map_err(cannot_hide(&path))?;
    }
    Ok(())
}

/// The disks, and the devices with raw access to one. Further directories contain only links to these.
fn disks() -> Vec<PathBuf> {
    let is_disk = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let is_raw = || RAW.iter().any(|raw| name.to_string_lossy().starts_with(raw));
        entry.file_type().is_ok_and(|kind| kind.is_block_device() || kind.is_char_device() && is_raw())
    };
    let directories = ["/dev", "/dev/mapper", "/dev/bsg", "/dev/block"];
    let entries = directories.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
    entries.filter(|entry| is_disk(entry) || entry.path().starts_with("/dev/bsg")).map(|entry| entry.path()).collect()
}

/// Removes capabilities from the bounding set, so that no worker has or gains them, root or not. Afterwards only a process
/// with more rights than this one can inspect it.
pub(super) fn drop_capabilities() -> Result<(), String> {
    bound().map_err(|error| format!("cannot drop the capabilities of workers: {error}"))?;
    // The open files of this process lead out of the sandbox.
    prctl::set_dumpable(false).map_err(|error| format!("cannot protect the shim from inspection: {error}"))
}

fn bound() -> rustix::io::Result<()> {
    for capability in DROPPED {
        // A kernel that does not know one of the newer ones cannot grant it.
        if capability_is_in_bounding_set(capability).unwrap_or(false) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    let mut own = capabilities(None)?;
    own.inheritable = CapabilitySet::empty();
    set_capabilities(None, own)?;
    set_no_new_privs(true)
}

fn cannot_protect<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("cannot make {} read-only: {error}", path.display())
}
