//! The mounts that a process sees.

use std::{fs::File, io::Read as _, path::PathBuf};

use nix::mount::MsFlags;

/// A host has some dozens of mounts, a hundred bytes each.
const USUAL: usize = 16 * 1024;

/// One line of `/proc/self/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Its number.
    pub(super) id: u64,
    /// The number of the mount on which it lies.
    pub(super) parent: u64,
    /// Which filesystem, as `major:minor`.
    pub(super) device: String,
    /// The filesystem's type, such as `ext4`.
    pub(super) kind: String,
    /// Which directory of the filesystem it shows.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) at: PathBuf,
    /// What it does not allow, as the flags that a remount must repeat.
    pub(super) flags: MsFlags,
}

/// All mounts of this process's namespace, in the order in which they were made.
pub(super) fn all() -> Result<Vec<Mounted>, String> {
    // The kernel does not say how long it is; without room of its own it would be read in pieces of 32 bytes and up.
    let mut text = String::with_capacity(USUAL);
    let read = File::open("/proc/self/mountinfo").and_then(|mut file| file.read_to_string(&mut text));
    read.map_err(|error| format!("the mounts cannot be listed: {error}"))?;
    Ok(parse(&text))
}

/// The mount of this number with all that lie on it, directly or not; itself first.
pub(super) fn from(mounts: Vec<Mounted>, id: u64) -> Vec<Mounted> {
    let mut found: Vec<Mounted> = mounts.iter().filter(|mounted| mounted.id == id).cloned().collect();
    let mut at = 0;
    while let Some(parent) = found.get(at).map(|mounted| mounted.id) {
        found.extend(mounts.iter().filter(|mounted| mounted.parent == parent && mounted.id != parent).cloned());
        at += 1;
    }
    found
}

pub(super) fn parse(text: &str) -> Vec<Mounted> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mounted> {
    let (line, filesystem) = line.split_once(" - ")?;
    let kind = filesystem.split(' ').next()?.to_owned();
    let mut fields = line.split(' ');
    let (id, parent) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let device = fields.next()?.to_owned();
    let (root, at) = (unescaped(fields.next()?), unescaped(fields.next()?));
    let flags = fields.next()?.split(',').map(flag).collect();
    Some(Mounted { id, parent, device, kind, root, at, flags })
}

fn flag(word: &str) -> MsFlags {
    match word {
        "ro" => MsFlags::MS_RDONLY,
        "nosuid" => MsFlags::MS_NOSUID,
        "nodev" => MsFlags::MS_NODEV,
        "noexec" => MsFlags::MS_NOEXEC,
        // Without any word about access times a remount leaves them as they are.
        _ => MsFlags::empty(),
    }
}

/// Blanks and the like stand as three octal digits behind a backslash.
fn unescaped(field: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        bytes.extend_from_slice(before.as_bytes());
        match after.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(4..).unwrap_or_default();
            }
            None => {
                bytes.push(b'\\');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
pub(super) mod tests;
