//! Version 2 of control groups: one hierarchy for all controllers, which each group hands down, and `cgroup.kill`.

use std::{fs, io, path::Path};

use rustix::io::Errno;

use super::{
    Role,
    files::{self, write},
};
use crate::WorkerLimits;

/// The file with which a process attaches itself. Creating the process in the group is cheaper.
pub(super) const ATTACH_FILE: &str = "cgroup.procs";

/// The controller that a role needs; killing needs none.
pub(super) fn controller_of(role: Role) -> Option<&'static str> {
    match role {
        Role::Kill => None,
        Role::Cpu => Some("cpu"),
        Role::Memory => Some("memory"),
        Role::Pids => Some("pids"),
    }
}

/// The file through which a role works.
pub(super) fn file_of(role: Role) -> &'static str {
    match role {
        Role::Kill => "cgroup.kill",
        Role::Cpu => "cpu.max",
        Role::Memory => "memory.max",
        Role::Pids => "pids.max",
    }
}

/// The controllers that a group can hand down.
pub(super) fn controllers(group: &Path) -> Vec<String> {
    words(&group.join("cgroup.controllers"))
}

/// The controllers that a group hands down.
pub(super) fn handed_down(group: &Path) -> Vec<String> {
    words(&group.join("cgroup.subtree_control"))
}

/// Hands down the controllers that these roles need to the groups below.
pub(super) fn hand_down(group: &Path, roles: &[Role]) -> io::Result<()> {
    let has = handed_down(group);
    let missing =
        roles.iter().filter_map(|role| controller_of(*role)).filter(|name| !has.iter().any(|one| one == name));
    let request: Vec<String> = missing.map(|name| format!("+{name}")).collect();
    if request.is_empty() { Ok(()) } else { write(&group.join("cgroup.subtree_control"), &request.join(" ")) }
}

/// Sets the limit of one role.
pub(super) fn limit(group: &Path, role: Role, limits: &WorkerLimits, pids: u32) -> io::Result<()> {
    match role {
        Role::Kill => Ok(()),
        Role::Cpu => {
            let (quota, period) = limits.quota();
            write(&group.join("cpu.max"), &format!("{quota} {period}"))
        }
        Role::Memory => {
            write(&group.join("memory.max"), &limits.memory_bytes.to_string())?;
            // Missing if the kernel does not account for swap.
            match write(&group.join("memory.swap.max"), "0") {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                written => written,
            }
        }
        Role::Pids => write(&group.join("pids.max"), &pids.to_string()),
    }
}

/// How many processes the kernel killed because this group had no memory left.
pub(super) fn oom_kills(group: &Path) -> Option<u64> {
    files::number_after(&group.join("memory.events"), "oom_kill")
}

/// Kills all processes in the group and below it at once, including those that are just being forked.
pub(super) fn kill(group: &Path) -> io::Result<()> {
    match write(&group.join("cgroup.kill"), "1") {
        // The group is gone or is being removed.
        Err(error) if error.kind() == io::ErrorKind::NotFound || is(&error, Errno::NODEV) => Ok(()),
        written => written,
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn words(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}
