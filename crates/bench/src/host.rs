//! What the machine itself does: its name, what others took of it, a process's share, and a bare durable write.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;

/// More than this part of the time taken away by the host makes figures doubtful.
const DISTURBING: f64 = 0.02;

/// Cores and kernel.
pub(crate) fn describe() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(format!("{cores} cores, Linux {}", kernel.trim()))
}

/// What `/proc/stat` counts for all cores together.
pub(crate) struct Ticks {
    all: u64,
    stolen: u64,
}

impl Ticks {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("/proc/stat is empty")?;
        let counts: Vec<u64> = line.split_ascii_whitespace().skip(1).filter_map(|count| count.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; what follows is counted in these already.
        Ok(Self { all: counts.iter().take(8).sum(), stolen: counts.get(7).copied().unwrap_or_default() })
    }

    /// What to say of a measurement that began here, where the host took away much of the machine meanwhile.
    pub(crate) fn disturbance(&self) -> anyhow::Result<Option<String>> {
        let now = Self::now()?;
        let part = (now.stolen - self.stolen) as f64 / (now.all - self.all).max(1) as f64;
        let text = || format!("DISTURBED: the host took {:.0} % of the machine away; run it again", part * 100.0);
        Ok((part > DISTURBING).then(text))
    }
}

/// The time that a process has computed, its threads together.
pub(crate) fn computed(pid: u32) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("a process that is measured has ended")?;
    let (_, rest) = text.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let ticks: u64 = rest.split_ascii_whitespace().skip(11).take(2).filter_map(|count| count.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1)))
}

/// The median and p99 of writing 4 KiB and syncing them, in a file of this directory.
pub(crate) fn durable_write(dir: &Path) -> anyhow::Result<(Duration, Duration)> {
    const TIMES: usize = 500;
    const BLOCK: [u8; 4096] = [7; 4096];
    let path = dir.join("durable-write");
    let file = File::create(&path)?;
    // As a database's log is: written once before, so that a sync has no new length to keep.
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
