//! The cores and the memory of this host that the server may allocate to jobs.
//!
//! Each is the smallest of the machine's size and the limits of the control groups above the server.

#[cfg(test)]
mod tests;

use std::{fs, path::Path, thread};

/// Usable cores in thousandths, limited by affinity and quota.
pub fn cpu_milli() -> u64 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    u64::try_from(cores).unwrap_or(u64::MAX).saturating_mul(1000)
}

/// How many processes and threads this host can have at once (`kernel.pid_max`).
pub(crate) fn max_pids() -> u32 {
    let max = fs::read_to_string("/proc/sys/kernel/pid_max").ok().and_then(|text| text.trim().parse().ok());
    max.unwrap_or(u32::MAX)
}

/// Usable memory in bytes; `None` if the system does not report it.
pub fn memory_bytes() -> Option<u64> {
    memory_below(Path::new("/"))
}

/// As [`memory_bytes`], for a system with this root directory; tests pass another one.
fn memory_below(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path.trim_start_matches('/'))).ok();
    let total = read("proc/meminfo").and_then(|text| mem_total(&text));
    let groups = read("proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|path| read(&path).and_then(|text| limit(&text)));
    limits.chain(total).min()
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Parses a limit. No limit is `max` in version 2, and in version 1 a number larger than any machine.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The files that may contain a memory limit of a process, by its `/proc/self/cgroup`: those of its own groups and of all
/// groups above them.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (roots, name): (&[&str], &str) = if number == "0" && controllers.is_empty() {
            (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (&["/sys/fs/cgroup/memory"], "memory.limit_in_bytes")
        } else {
            continue;
        };
        for ancestor in Path::new(group).ancestors() {
            let ancestor = ancestor.to_string_lossy();
            files.extend(roots.iter().map(|root| format!("{root}{}/{name}", ancestor.trim_end_matches('/'))));
        }
    }
    files
}
