//! Version 1 of control groups: a hierarchy for each controller or a few, limits under their old names, and the freezer.

use std::{fs, io, path::Path, time::Duration};

use rustix::{
    event::{Timespec, poll},
    io::Errno,
    process::Signal,
};

use super::{
    Role,
    files::{self, write},
};
use crate::{WorkerLimits, local::proc};

/// How often the state is read until all processes are frozen, and the pause between.
const MAX_READS: usize = 50;
const READ_PAUSE: Duration = Duration::from_millis(2);

/// How often one call freezes and kills. Callers repeat the call.
const ROUNDS: usize = 5;

/// The file with which a process with one thread attaches itself, by writing `0`. This costs next to nothing, while
/// `cgroup.procs` stops all forks of the machine for an RCU grace period of ten milliseconds.
pub(super) const ATTACH_FILE: &str = "tasks";

/// The file through which a role works.
pub(super) fn file_of(role: Role) -> &'static str {
    match role {
        Role::Kill => "freezer.state",
        Role::Cpu => "cpu.cfs_quota_us",
        Role::Memory => "memory.limit_in_bytes",
        Role::Pids => "pids.max",
    }
}

/// The controller that a role needs.
pub(super) fn controller_of(role: Role) -> &'static str {
    match role {
        Role::Kill => "freezer",
        Role::Cpu => "cpu",
        Role::Memory => "memory",
        Role::Pids => "pids",
    }
}

/// Sets the limit of one role.
pub(super) fn limit(group: &Path, role: Role, limits: &WorkerLimits, pids: u32) -> io::Result<()> {
    match role {
        Role::Kill => Ok(()),
        Role::Cpu => {
            let (quota, period) = limits.quota();
            write(&group.join("cpu.cfs_period_us"), &period.to_string())?;
            match write(&group.join("cpu.cfs_quota_us"), &quota.to_string()) {
                // A group above allows less, and its limit applies.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(()),
                written => written,
            }
        }
        Role::Memory => {
            let bytes = limits.memory_bytes.to_string();
            write(&group.join("memory.limit_in_bytes"), &bytes)?;
            // Memory and swap together. The file is missing if the kernel does not account for swap.
            match write(&group.join("memory.memsw.limit_in_bytes"), &bytes) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                written => written,
            }
        }
        Role::Pids => write(&group.join("pids.max"), &pids.to_string()),
    }
}

/// How many processes the kernel killed because this group had no memory left.
pub(super) fn oom_kills(group: &Path) -> Option<u64> {
    files::number_after(&group.join("memory.oom_control"), "oom_kill")
}

/// Freezes the group, kills its processes and thaws it; repeats this while there are some. A frozen process cannot fork, so
/// none is missed.
pub(super) fn kill(group: &Path) {
    for _ in 0..ROUNDS {
        if files::members(group).is_empty() {
            return;
        }
        freeze(group);
        for pid in files::members(group) {
            // The start time ensures that the pid still belongs to the process that was listed.
            if let Some(process) = proc::read(pid) {
                proc::signal(process.id, Signal::KILL);
            }
        }
        let _ = write(&group.join("freezer.state"), "THAWED");
        pause();
    }
}

fn freeze(group: &Path) {
    let state = group.join("freezer.state");
    for _ in 0..MAX_READS {
        // Written again each time: a process that was just forking is frozen by the second write.
        if write(&state, "FROZEN").is_err() || fs::read_to_string(&state).is_ok_and(|state| state.trim() == "FROZEN") {
            return;
        }
        pause();
    }
}

fn pause() {
    if let Ok(pause) = Timespec::try_from(READ_PAUSE) {
        let _ = poll(&mut [], Some(&pause));
    }
}
