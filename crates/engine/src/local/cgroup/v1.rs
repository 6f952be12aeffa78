//! What is particular to version 1: one hierarchy for each controller or a few, limits under their old names, and the
//! freezer.

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

/// How often it is asked whether all are frozen, and the pause between.
const LOOKS: usize = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// How often one call freezes and kills; who calls comes again.
const ROUNDS: usize = 5;

/// The file by which a process with one thread attaches itself, with a `0`. Unlike `cgroup.procs`, which stops the
/// whole machine's forks for an RCU grace period of ten milliseconds, this costs next to nothing.
pub(super) const JOIN: &str = "tasks";

/// The file that a role needs.
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

/// Sets a limit.
pub(super) fn limit(group: &Path, role: Role, limits: &WorkerLimits, pids: u32) -> io::Result<()> {
    match role {
        Role::Kill => Ok(()),
        Role::Cpu => {
            let (quota, period) = limits.quota();
            write(&group.join("cpu.cfs_period_us"), &period.to_string())?;
            match write(&group.join("cpu.cfs_quota_us"), &quota.to_string()) {
                // More than a group above has: that one's limit holds.
                Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => Ok(()),
                written => written,
            }
        }
        Role::Memory => {
            let bytes = limits.memory_bytes.to_string();
            write(&group.join("memory.limit_in_bytes"), &bytes)?;
            // Memory and swap together; not there where the kernel does not count swap.
            match write(&group.join("memory.memsw.limit_in_bytes"), &bytes) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                written => written,
            }
        }
        Role::Pids => write(&group.join("pids.max"), &pids.to_string()),
    }
}

/// How many processes were killed because this group had no memory left.
pub(super) fn oom_kills(group: &Path) -> Option<u64> {
    files::number_after(&group.join("memory.oom_control"), "oom_kill")
}

/// Freezes the group, kills everybody, thaws it; again while there are some. Frozen ones cannot fork, so nobody is
/// missed.
pub(super) fn kill(group: &Path) {
    for _ in 0..ROUNDS {
        if files::members(group).is_empty() {
            return;
        }
        freeze(group);
        for pid in files::members(group) {
            // Its start time makes it certain that the pid is still the one of the list.
            if let Some(process) = proc::one(pid) {
                proc::signal(process.id, Signal::KILL);
            }
        }
        let _ = write(&group.join("freezer.state"), "THAWED");
        rest();
    }
}

fn freeze(group: &Path) {
    let state = group.join("freezer.state");
    for _ in 0..LOOKS {
        // Written again each time: who was about to fork is frozen by the second word.
        if write(&state, "FROZEN").is_err() || fs::read_to_string(&state).is_ok_and(|state| state.trim() == "FROZEN") {
            return;
        }
        rest();
    }
}

fn rest() {
    if let Ok(pause) = Timespec::try_from(PAUSE) {
        let _ = poll(&mut [], Some(&pause));
    }
}
