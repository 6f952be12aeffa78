//! Where the hierarchies of control groups are mounted and which group of each this process is in, as the kernel says
//! it. No path is taken for granted.

#[cfg(test)]
mod tests;

use std::path::{Component, Path, PathBuf};

use super::Version;

/// One hierarchy as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub(super) version: Version,
    /// Its controllers, for version 1.
    pub(super) controllers: Vec<String>,
    /// The directory of the group that this process is in.
    pub(super) own: PathBuf,
}

/// All hierarchies, from the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`.
pub(super) fn hierarchies(mountinfo: &str, cgroup: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mountinfo.lines() {
        let Some(mount) = parse(line) else { continue };
        let Some(group) = own_group(cgroup, &mount) else { continue };
        let Some(own) = place(&mount, group) else { continue };
        let again = |one: &Hierarchy| one.version == mount.version && one.controllers == mount.controllers;
        if !found.iter().any(again) {
            found.push(Hierarchy { version: mount.version, controllers: mount.controllers, own });
        }
    }
    found
}

struct Mount {
    version: Version,
    /// Which group of the hierarchy is seen at the mount point.
    root: PathBuf,
    point: PathBuf,
    controllers: Vec<String>,
}

/// `36 31 0:33 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory`
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let (root, point) = (unescape(before.next()?), unescape(before.next()?));
    let mut after = after.split(' ');
    let version = match after.next()? {
        "cgroup" => Version::V1,
        "cgroup2" => Version::V2,
        _ => return None,
    };
    let options = after.nth(1).unwrap_or_default().split(',');
    let controllers = match version {
        Version::V1 => options.filter(|word| KNOWN.contains(word)).map(str::to_owned).collect(),
        Version::V2 => Vec::new(),
    };
    // Others, such as systemd's own hierarchy of version 1, are of no use here.
    let is_useful = version == Version::V2 || !controllers.is_empty();
    is_useful.then_some(Mount { version, root: root.into(), point: point.into(), controllers })
}

const KNOWN: [&str; 4] = ["cpu", "memory", "pids", "freezer"];

/// The kernel writes spaces and the like as three octal digits.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The path in the line `4:memory:/a/b` or `0::/a/b` that belongs to the mount.
fn own_group<'t>(cgroup: &'t str, mount: &Mount) -> Option<&'t str> {
    cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_meant = match mount.version {
            Version::V2 => number == "0" && names.is_empty(),
            Version::V1 => names.split(',').any(|name| mount.controllers.iter().any(|one| one == name)),
        };
        is_meant.then_some(path)
    })
}

/// Where a group is seen; `None` if it lies outside of what is mounted there.
fn place(mount: &Mount, group: &str) -> Option<PathBuf> {
    let below = Path::new(group).strip_prefix(&mount.root).ok()?;
    below
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then(|| mount.point.components().chain(below.components()).collect())
}
