//! Reading and writing the small files of a control group. A removed group reads as empty.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Writes a value in one call, as the kernel requires. The file is neither created nor truncated.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

/// The number after a name, in a file that has one name and number in each line.
pub(super) fn number_after(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Creates a directory unless it exists.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// All processes in this group and in the groups below it, which a worker may have created.
pub(super) fn members(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let mut members: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for below in directories(group) {
        members.extend(self::members(&below));
    }
    members
}

/// The groups below this one.
pub(super) fn directories(group: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}
