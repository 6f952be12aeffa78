//! What workers may not do, so that they cannot undo the sandbox: write control groups, and reach disks and the kernel.
//!
//! The shim has opened the hierarchies of control groups before, through mounts that are not changed here.

use std::{
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use nix::mount::MsFlags;

use super::{
    mask::{cannot_hide, mask_file},
    mount::{self, Access, DetachedMount},
};
use crate::local::mountinfo::MountEntry;

/// Read-only for workers: through the files in these directories root can make the kernel run a program outside of every
/// namespace, or change how the host uses its devices.
const SETTINGS: [&str; 5] = ["/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/scsi"];

/// Where the kernel shows its devices and settings, also read-only.
const SYSTEM: &str = "/sys";

/// Hidden from workers: files through which root can end the host, or see keys and timers of all its processes.
const SECRET_FILES: [&str; 3] = ["/proc/sysrq-trigger", "/proc/keys", "/proc/timer_list"];

/// Hidden from workers: directories through which root can trace the kernel and all processes, or change the firmware.
const SECRET_DIRS: [&str; 5] =
    ["/sys/kernel/debug", "/sys/kernel/tracing", "/sys/fs/bpf", "/sys/fs/pstore", "/sys/firmware/efi/efivars"];

/// Prefixes of the names of devices through which a disk takes raw commands.
const RAW: [&str; 4] = ["sg", "bsg", "ng", "nvme"];

/// Mounts all control groups read-only, so that no worker can move a process from one group to another.
pub(super) fn protect_control_groups(mounts: &[MountEntry]) -> Result<(), String> {
    let groups = mounts.iter().filter(|entry| matches!(entry.fs_type.as_str(), "cgroup" | "cgroup2"));
    for entry in groups.filter(|entry| !entry.flags.contains(MsFlags::MS_RDONLY)) {
        let done = mount::remount(&entry.point, entry.flags | MsFlags::MS_RDONLY);
        done.map_err(cannot_protect(&entry.point))?;
    }
    Ok(())
}

/// Hides the disks from workers that run as root, and makes the settings of the kernel read-only. `mounts` are those of
/// this process.
pub(super) fn protect_host(mounts: &[MountEntry]) -> Result<(), String> {
    for path in SETTINGS.map(Path::new).into_iter().filter(|path| path.exists()) {
        let done = match mounts.iter().any(|entry| entry.point.starts_with(path)) {
            true => {
                mount::open_path(path).and_then(|open| DetachedMount::copy_of(&open)?.attach(&open, Access::ReadOnly))
            }
            // Nothing is mounted below, so the mounts need not be listed again.
            false => mount::bind_read_only(path),
        };
        done.map_err(cannot_protect(path))?;
    }
    for entry in mounts.iter().filter(|entry| entry.point.starts_with(SYSTEM)) {
        if !entry.flags.contains(MsFlags::MS_RDONLY) {
            let done = mount::remount(&entry.point, entry.flags | MsFlags::MS_RDONLY);
            done.map_err(cannot_protect(&entry.point))?;
        }
    }
    for path in SECRET_DIRS.map(Path::new).into_iter().filter(|path| path.is_dir()) {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount::file_system("tmpfs", path, flags, "size=4k,mode=0555").map_err(cannot_hide(path))?;
    }
    let secrets = SECRET_FILES.map(PathBuf::from).into_iter().filter(|path| path.exists());
    for path in secrets.chain(disks()) {
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

fn cannot_protect<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("cannot make {} read-only: {error}", path.display())
}
