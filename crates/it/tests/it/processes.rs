//! The processes of this host as `/proc` shows them. Finds the processes of a job, and ends what a failed test leaves.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// Returns the pids of all processes that started with this variable and a matching value.
pub(crate) fn with_variable(name: &str, is_it: impl Fn(&str) -> bool) -> Vec<u32> {
    let matches = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| {
            let entry = String::from_utf8_lossy(entry);
            entry.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).is_some_and(&is_it)
        })
    };
    all().into_iter().filter(matches).collect()
}

/// Returns the pids of all processes of a job. They are found by their initial environment, also in another session.
pub(crate) fn of_job(job: &str) -> Vec<u32> {
    with_variable("TRAINYARD_JOB_ID", |id| id == job)
}

/// Returns the pids of all processes that have this text in their command line.
pub(crate) fn with_argument(text: &str) -> Vec<u32> {
    let matches = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    all().into_iter().filter(matches).collect()
}

/// Returns pid and command line of processes, for messages.
pub(crate) fn describe(pids: &[u32]) -> Vec<String> {
    let line = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid}: {}", String::from_utf8_lossy(&line).replace('\0', " "))
    };
    pids.iter().map(line).collect()
}

/// Sends a signal; false if there is no such process.
pub(crate) fn signal(pid: u32, signal: Signal) -> bool {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).is_ok()
}

/// Asserts that no process of the job exists, and waits until the shim, which has recorded the end, has exited too.
pub(crate) fn assert_dead(job: &str) {
    let left = of_job(job);
    assert!(left.is_empty(), "{:?}", describe(&left));
    let asked = Instant::now();
    loop {
        let shims = with_argument(&format!("/jobs/{job}/"));
        if shims.is_empty() {
            return;
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", describe(&shims));
        std::thread::yield_now();
    }
}

/// Returns the start time of a process in clock ticks since the boot. Pid and start time identify one process for ever.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Removes the control groups that killed shims left. `launch.json` of each attempt names them.
fn remove_groups(data: &Path) {
    let entries = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    for attempt in entries(&data.join("jobs")).flat_map(|job| entries(&job).collect::<Vec<_>>()) {
        let launch = fs::read(attempt.join("launch.json")).unwrap_or_default();
        let launch: serde_json::Value = serde_json::from_slice(&launch).unwrap_or_default();
        for tree in launch["groups"]["trees"].as_array().into_iter().flatten() {
            let group = Path::new(tree["dir"].as_str().unwrap());
            let workers = entries(group).filter(|path| path.is_dir());
            workers.for_each(|worker| remove_group(&worker));
            remove_group(group);
            drop(fs::remove_dir(group.parent().unwrap()));
        }
    }
}

/// Removes one control group. A process that was killed just now stays in its group for a moment.
fn remove_group(group: &Path) {
    for _ in 0..1000 {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => std::thread::yield_now(),
            _ => return,
        }
    }
}

/// On drop, kills all processes of the jobs below a data directory, shims first, so that a failed test leaves none.
#[derive(Debug)]
pub(crate) struct Cleanup(pub(crate) PathBuf);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let below = self.0.join("jobs").to_string_lossy().into_owned();
        for _ in 0..100 {
            let shims = with_argument(&below);
            let workers = with_variable("TRAINYARD_CHECKPOINT_DIR", |dir| dir.starts_with(&below));
            let left: Vec<u32> = shims.into_iter().chain(workers).collect();
            if left.is_empty() {
                return remove_groups(&self.0);
            }
            for pid in left {
                signal(pid, Signal::KILL);
            }
        }
    }
}
