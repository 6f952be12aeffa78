//! The processes of this host as `/proc` shows them, and signals that reach the intended process.
//!
//! The kernel reuses pids, so a process is identified by its pid and its start time. A signal goes through a pidfd that
//! was opened while both still matched.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Read as _},
};

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// Buffer size for a `stat` file, which has a few hundred bytes. The kernel reports no size, so without this buffer the
/// file would be read in seven pieces.
const STAT_SIZE: usize = 1024;

/// Identifies a process for ever: no later process has the same pid and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    /// Clock ticks from the boot to the start of the process.
    pub(crate) start_ticks: u64,
}

/// A process at the moment when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// Whether the process has ended and its parent has not reaped it yet.
    pub(crate) is_zombie: bool,
    /// Whether a signal has stopped the process.
    pub(crate) is_stopped: bool,
}

/// All processes that this process can see.
///
/// `/proc` is read one process at a time. If a parent ends meanwhile, its child may be listed below a parent that is not;
/// then all is read again, at most three times.
pub(crate) fn all() -> io::Result<Vec<Process>> {
    let mut processes = read_all()?;
    for _ in 0..3 {
        if is_whole(&processes) {
            break;
        }
        processes = read_all()?;
    }
    Ok(processes)
}

/// Reads one process, if it exists.
pub(crate) fn read(pid: u32) -> Option<Process> {
    // The name of a process may be invalid UTF-8, so this reads bytes.
    let mut stat = Vec::with_capacity(STAT_SIZE);
    fs::File::open(format!("/proc/{pid}/stat")).ok()?.read_to_end(&mut stat).ok()?;
    parse(&String::from_utf8_lossy(&stat))
}

/// All descendants of the root processes, without the roots, each with the pid of its root.
pub(crate) fn below(processes: &[Process], roots: &[u32]) -> Vec<(Process, u32)> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for process in processes {
        children.entry(process.parent).or_default().push(*process);
    }
    let mut found = Vec::new();
    for root in roots {
        let mut open = vec![*root];
        while let Some(parent) = open.pop() {
            // Removed from the map, so that the loop ends even for a contradictory list.
            for child in children.remove(&parent).unwrap_or_default() {
                open.push(child.id.pid);
                found.push((child, *root));
            }
        }
    }
    found
}

/// The values that these variables had at the start of a process. An unreadable environment counts as empty.
pub(crate) fn environment<const N: usize>(pid: u32, names: [&str; N]) -> [Option<String>; N] {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    names.map(|name| {
        let mut values = bytes.split(|byte| *byte == 0).filter_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(String::from_utf8_lossy(value).into_owned())
        });
        values.next()
    })
}

/// Sends a signal to exactly this process; false if it no longer exists.
pub(crate) fn signal(process: ProcessId, signal: Signal) -> bool {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return false };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
    let same = read(process.pid).is_some_and(|now| now.id == process);
    same && pidfd_send_signal(pidfd, signal).is_ok()
}

/// Whether the kernel has pidfds, which [`signal`] needs.
pub(crate) fn can_signal() -> bool {
    pidfd_open(getpid(), PidfdFlags::empty()).is_ok()
}

/// The id of the current boot of the host.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn read_all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        processes.extend(pid.and_then(read));
    }
    Ok(processes)
}

/// Whether the parent of every process is listed. Parent 0 is the kernel or lies outside of the pid namespace.
fn is_whole(processes: &[Process]) -> bool {
    let listed: HashSet<u32> = processes.iter().map(|process| process.id.pid).collect();
    processes.iter().all(|process| process.parent == 0 || listed.contains(&process.parent))
}

/// Parses `/proc/<pid>/stat`. The name in it may contain any character, so the other fields start after the last bracket.
fn parse(stat: &str) -> Option<Process> {
    let (pid, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(16)?.parse().ok()?;
    let id = ProcessId { pid: pid.parse().ok()?, start_ticks };
    Some(Process { id, parent, group, is_zombie: matches!(state, "Z" | "X"), is_stopped: state == "T" })
}
