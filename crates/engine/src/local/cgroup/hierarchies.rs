//! The hierarchies of control groups: where each is mounted, and the group of this process in it. The kernel reports both;
//! no path is assumed.

#[cfg(test)]
mod tests;

use std::path::{Component, Path, PathBuf};

use super::Version;
use crate::local::mountinfo::MountEntry;

/// The version 1 controllers that the engine uses. Other hierarchies, such as the one of systemd, are ignored.
const CONTROLLERS: [&str; 4] = ["cpu", "memory", "pids", "freezer"];

/// One hierarchy as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub(super) version: Version,
    /// The controllers of a version 1 hierarchy.
    pub(super) controllers: Vec<String>,
    /// The directory of the group that this process is in.
    pub(super) own: PathBuf,
}

/// All hierarchies among these mounts; `cgroup` is the text of `/proc/self/cgroup`.
pub(super) fn hierarchies(mounts: &[MountEntry], cgroup: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for mount in mounts {
        let Some((version, controllers)) = interface(mount) else { continue };
        let Some(group) = own_group(cgroup, version, &controllers) else { continue };
        let Some(own) = visible_at(mount, group) else { continue };
        if !found.iter().any(|one| one.version == version && one.controllers == controllers) {
            found.push(Hierarchy { version, controllers, own });
        }
    }
    found
}

/// Whether a mount is a hierarchy of control groups, used by the engine or not.
pub(crate) fn is_hierarchy(mount: &MountEntry) -> bool {
    matches!(mount.fs_type.as_str(), "cgroup" | "cgroup2")
}

/// The directory of a process's group in a mounted hierarchy; `cgroup` is the text of its `/proc/<pid>/cgroup`. `None` if
/// the mount does not show the group.
pub(crate) fn own_directory(mount: &MountEntry, cgroup: &str) -> Option<PathBuf> {
    let (version, names) = match mount.fs_type.as_str() {
        "cgroup2" => (Version::V2, Vec::new()),
        // Such as `rw,cpu,cpuacct` or `rw,xattr,name=systemd`.
        _ => (Version::V1, mount.fs_options.split(',').map(str::to_owned).collect()),
    };
    visible_at(mount, own_group(cgroup, version, &names)?)
}

/// The version of a mounted hierarchy and its controllers; `None` for other file systems and for version 1 without a
/// controller that is used.
fn interface(mount: &MountEntry) -> Option<(Version, Vec<String>)> {
    match mount.fs_type.as_str() {
        "cgroup" => {
            let words = mount.fs_options.split(',').filter(|word| CONTROLLERS.contains(word));
            let controllers: Vec<String> = words.map(str::to_owned).collect();
            (!controllers.is_empty()).then_some((Version::V1, controllers))
        }
        "cgroup2" => Some((Version::V2, Vec::new())),
        _ => None,
    }
}

/// The path in the line of `/proc/self/cgroup` for this hierarchy, such as `4:memory:/a/b` or `0::/a/b`.
fn own_group<'t>(cgroup: &'t str, version: Version, controllers: &[String]) -> Option<&'t str> {
    cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        let matches = match version {
            Version::V2 => number == "0" && names.is_empty(),
            Version::V1 => names.split(',').any(|name| controllers.iter().any(|one| one == name)),
        };
        matches.then_some(path)
    })
}

/// The directory of a group below a mount point; `None` if the mount does not show the group.
fn visible_at(mount: &MountEntry, group: &str) -> Option<PathBuf> {
    let below = Path::new(group).strip_prefix(&mount.root).ok()?;
    below
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then(|| mount.point.components().chain(below.components()).collect())
}
