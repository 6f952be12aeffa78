//! What only root can reach past all mounts: the disks themselves, and the knobs by which the kernel starts programs
//! outside of every namespace.

use std::{
    fs,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use super::tree::{self, Access, Tree};

/// Read-only for workers: who writes here can have the kernel run a program as root, outside.
const KNOBS: [&str; 2] = ["/proc/sys", "/sys/kernel/uevent_helper"];

/// Not there for workers: this ends the whole host.
const SWITCH: &str = "/proc/sysrq-trigger";

/// The beginnings of the names of devices through which a disk takes raw commands.
const RAW: [&str; 4] = ["sg", "bsg", "ng", "nvme"];

/// Takes them out of the workers' view.
pub(super) fn withhold() -> Result<(), String> {
    for knob in KNOBS.map(Path::new).into_iter().filter(|knob| knob.exists()) {
        let withheld = tree::open(knob).and_then(|open| Tree::of(&open)?.put(&open, Access::Read));
        withheld.map_err(|error| format!("{} cannot be made read-only: {error}", knob.display()))?;
    }
    let switch = Some(PathBuf::from(SWITCH)).filter(|switch| switch.exists());
    for device in switch.into_iter().chain(disks()) {
        let null = tree::open(Path::new("/dev/null")).and_then(|null| Tree::of(&null));
        let withheld = null.and_then(|null| null.put(tree::open(&device)?, Access::Own));
        withheld.map_err(|error| format!("{} cannot be withheld: {error}", device.display()))?;
    }
    Ok(())
}

/// The disks, and what gives raw access to one. Directories below hold links to these.
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
