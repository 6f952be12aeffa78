//! What a worker sees of the control groups: only its own, read-only, and named as if they were at the top.
//!
//! Each worker has different groups, so it enters a mount namespace and a control group namespace of its own. They show
//! the same files as those of the other workers.

use std::{fs, path::Path};

use nix::{
    mount::MsFlags,
    sched::{CloneFlags, unshare},
};

use super::mount::{self, Access, DetachedMount, open_path};
use crate::local::{cgroup::hierarchies, mountinfo::MountEntry};

/// The mounted hierarchies, all read-only.
#[derive(Debug)]
pub(crate) struct CgroupView(Vec<MountEntry>);

impl CgroupView {
    /// The hierarchies among these mounts.
    pub(super) fn of(mounts: &[MountEntry]) -> Self {
        Self(mounts.iter().filter(|entry| hierarchies::is_hierarchy(entry)).cloned().collect())
    }

    /// Hides all groups from this process except its own, which have this name. Without a name it hides all.
    pub(crate) fn enter(&self, name: Option<&Path>) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("cannot enter a control group namespace: {error}");
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| failed(&error))?;
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP).map_err(|error| failed(&error))?;
        for entry in &self.0 {
            let group = hierarchies::own_directory(entry, &own);
            let group = group.as_deref().filter(|group| name.is_some_and(|name| group.ends_with(name)));
            show(entry, group).map_err(|error| format!("cannot hide {}: {error}", entry.point.display()))?;
        }
        Ok(())
    }
}

/// Shows one group in place of a whole hierarchy, or nothing.
fn show(entry: &MountEntry, group: Option<&Path>) -> std::io::Result<()> {
    match group {
        // The copy is read-only, as the mounted hierarchy is.
        Some(group) => DetachedMount::copy_of(open_path(group)?)?.attach(open_path(&entry.point)?, Access::Full),
        None => mount::file_system("tmpfs", &entry.point, MsFlags::MS_RDONLY, "size=4k,mode=0555"),
    }
}
