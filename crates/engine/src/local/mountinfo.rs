//! The mounts that this process sees: the only parser of `/proc/self/mountinfo`.
//!
//! It works on bytes, because a mount point may be any sequence of bytes. One such mount, or a line in an unknown form,
//! must not hide the others: the sandbox has to know them all. The crate `procfs` fails in both cases and does not decode
//! escaped blanks, so it cannot replace this module.

#[cfg(test)]
pub(super) mod tests;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
    str,
};

use nix::mount::MsFlags;

/// The initial size of the buffer in bytes: a host has some dozens of mounts with a hundred bytes each. The kernel reports
/// no size, so without this buffer the file would be read in pieces of 32 bytes and more.
const USUAL: usize = 16 * 1024;

/// One line of `/proc/self/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountEntry {
    /// The number of the mount.
    pub(crate) id: u64,
    /// The number of the mount that contains the mount point.
    pub(crate) parent: u64,
    /// The file system, as `major:minor`.
    pub(crate) device: String,
    /// The type of the file system, such as `ext4`.
    pub(crate) fs_type: String,
    /// The directory of the file system that the mount shows.
    pub(crate) root: PathBuf,
    /// The mount point.
    pub(crate) point: PathBuf,
    /// What the mount does not allow, as the flags that a remount must repeat.
    pub(crate) flags: MsFlags,
    /// The options of the file system, separated by commas; for control groups the controllers.
    pub(crate) fs_options: String,
}

/// All mounts in the namespace of this process, in the order in which they were made.
pub(super) fn all() -> io::Result<Vec<MountEntry>> {
    let mut text = Vec::with_capacity(USUAL);
    File::open("/proc/self/mountinfo")?.read_to_end(&mut text)?;
    Ok(parse(&text))
}

/// The mount with this number and all mounts on it, directly or not; the mount itself comes first.
pub(super) fn subtree(mounts: &[MountEntry], id: u64) -> Vec<&MountEntry> {
    let mut found: Vec<&MountEntry> = mounts.iter().filter(|entry| entry.id == id).collect();
    let mut at = 0;
    while let Some(parent) = found.get(at).map(|entry| entry.id) {
        found.extend(mounts.iter().filter(|entry| entry.parent == parent && entry.id != parent));
        at += 1;
    }
    found
}

/// Parses the text of the file; lines in an unknown form are left out.
pub(super) fn parse(text: &[u8]) -> Vec<MountEntry> {
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

/// `36 31 0:33 / /mnt/a\040b rw,noatime shared:9 - ext4 /dev/vda rw`, where `-` ends the optional fields.
fn line(line: &[u8]) -> Option<MountEntry> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (id, parent) = (number(fields.next()?)?, number(fields.next()?)?);
    let device = text(fields.next()?);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    let flags = fields.next()?.split(|byte| *byte == b',').map(flag).collect();
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let fs_type = text(fields.next()?);
    let fs_options = fields.nth(1).map(text).unwrap_or_default();
    Some(MountEntry { id, parent, device, fs_type, root, point, flags, fs_options })
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

fn flag(word: &[u8]) -> MsFlags {
    match word {
        b"ro" => MsFlags::MS_RDONLY,
        b"nosuid" => MsFlags::MS_NOSUID,
        b"nodev" => MsFlags::MS_NODEV,
        b"noexec" => MsFlags::MS_NOEXEC,
        // A remount without any flag for access times leaves them as they are.
        _ => MsFlags::empty(),
    }
}

/// The kernel writes blanks, line ends and backslashes as a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = if *first == b'\\' { after.split_at_checked(3) } else { None };
        let escaped = escaped.and_then(|(digits, after)| Some((octal(digits)?, after)));
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    OsString::from_vec(bytes).into()
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok()
}
