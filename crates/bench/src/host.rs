//! The machine: its description, CPU time of other programs and of processes, memory, and the time of a durable write.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

/// The share of CPU time taken by the hypervisor above which results are marked as disturbed.
const DISTURBING: f64 = 0.02;

/// Number of cores and version of the kernel.
pub(crate) fn describe() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(format!("{cores} cores, Linux {}", kernel.trim()))
}

/// CPU time at one moment: the counters of `/proc/stat` over all cores, in clock ticks, and the CPU time of this process
/// and its reaped descendants.
pub(crate) struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    own: Duration,
}

impl Ticks {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("/proc/stat is empty")?;
        let counts: Vec<u64> = line.split_ascii_whitespace().skip(1).filter_map(|count| count.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal. The columns after these are part of user and nice.
        let at = |place: usize| counts.get(place).copied().unwrap_or_default();
        let all = counts.iter().take(8).sum();
        Ok(Self { all, busy: all - at(3) - at(4) - at(7), stolen: at(7), own: fields(std::process::id(), 4)? })
    }

    /// A warning if the measurement that began at this moment was disturbed: by the hypervisor, or by programs other than
    /// this process and `programs`, which must have started since then.
    pub(crate) fn disturbance(&self, programs: &[u32]) -> anyhow::Result<Option<String>> {
        let now = Self::now()?;
        let mut ours = now.own.saturating_sub(self.own);
        for pid in programs {
            ours += computed(*pid)?;
        }
        let all = (now.all - self.all).max(1) as f64;
        let ours = ours.as_secs_f64() * rustix::param::clock_ticks_per_second() as f64;
        let stolen = (now.stolen - self.stolen) as f64 / all;
        let others = ((now.busy - self.busy) as f64 - ours) / all;
        let text = || {
            let (host, others) = (stolen * 100.0, others.max(0.0) * 100.0);
            format!(
                "DISTURBED: the hypervisor took {host:.0} % of the CPU time, other programs {others:.0} %; run it again"
            )
        };
        Ok((stolen > DISTURBING || others > 2.0 * DISTURBING).then(text))
    }
}

/// The CPU time of all threads of a process.
pub(crate) fn computed(pid: u32) -> anyhow::Result<Duration> {
    fields(pid, 2)
}

/// Makes this process the parent of orphaned descendants, so that their CPU time counts as its own.
pub(crate) fn adopt_orphans() -> anyhow::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Reaps all ended children. No other code of this process may wait for a child at the same time.
pub(crate) fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// The sum of the first `count` values of: user time, system time, user time of reaped children, system time of them.
fn fields(pid: u32, count: usize) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("a process that is measured has ended")?;
    let (_, rest) = text.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let ticks: u64 =
        rest.split_ascii_whitespace().skip(11).take(count).filter_map(|count| count.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)))
}

/// Resident memory of a process in bytes, shared pages included.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).context("a process that is measured has ended")?;
    let pages: u64 = text.split_ascii_whitespace().nth(1).context("/proc/PID/statm is empty")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// Median and p99 of a write of 4 KiB followed by `fdatasync`, in a file of this directory.
pub(crate) fn durable_write(dir: &Path) -> anyhow::Result<(Duration, Duration)> {
    const TIMES: usize = 500;
    const BLOCK: [u8; 4096] = [7; 4096];
    let path = dir.join("durable-write");
    let file = File::create(&path)?;
    // The file is written once before, as the log of a database is, so that no sync has to store a new file size.
    for block in 0..TIMES as u64 {
        file.write_all_at(&BLOCK, block * 4096)?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(TIMES);
    for block in 0..TIMES as u64 {
        let start = Instant::now();
        file.write_all_at(&BLOCK, block * 4096)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    fs::remove_file(&path)?;
    Ok((at(TIMES / 2), at(TIMES * 99 / 100)))
}
