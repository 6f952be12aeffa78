//! Keeping a worker in its control groups: it sees their files and cannot write them.
//!
//! The shim itself must, to kill and to tidy up. So this is done by the child, in a copy of the view that is its own,
//! when it has entered its groups.

use nix::{
    mount::MsFlags,
    sched::{CloneFlags, unshare},
};

use super::{list, tree};

/// From here on this process, and all that it starts, can move nobody from one control group to another.
pub(crate) fn seal_groups() -> Result<(), String> {
    seal().map_err(|error| format!("it cannot be kept in its control groups: {error}"))
}

fn seal() -> std::io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let mounts = list::all()?.into_iter().filter(|mounted| matches!(mounted.kind.as_str(), "cgroup" | "cgroup2"));
    for mounted in mounts.filter(|mounted| !mounted.flags.contains(MsFlags::MS_RDONLY)) {
        tree::remount(&mounted.at, mounted.flags | MsFlags::MS_RDONLY)?;
    }
    Ok(())
}
