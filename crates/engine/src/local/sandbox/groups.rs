//! Keeping workers in their control groups: they see their files and cannot write them.
//!
//! The shim itself must, to kill and to tidy up. It has opened the hierarchies before, by mounts that are not changed here.

use nix::mount::MsFlags;

use super::{list::Mounted, tree};

/// From here on nobody who sees these mounts can move a process from one control group to another.
pub(super) fn seal(mounts: &[Mounted]) -> Result<(), String> {
    let groups = mounts.iter().filter(|mounted| matches!(mounted.kind.as_str(), "cgroup" | "cgroup2"));
    for mounted in groups.filter(|mounted| !mounted.flags.contains(MsFlags::MS_RDONLY)) {
        let sealed = tree::remount(&mounted.at, mounted.flags | MsFlags::MS_RDONLY);
        sealed.map_err(|error| format!("the control groups at {} cannot be sealed: {error}", mounted.at.display()))?;
    }
    Ok(())
}
