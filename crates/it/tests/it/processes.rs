//! The processes of this host as `/proc` shows them: who is left of a job, and ending what a failed test leaves.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The pids of all processes that were started with this variable.
pub(crate) fn with_variable(name: &str, is_it: impl Fn(&str) -> bool) -> Vec<u32> {
    let wanted = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| {
            let entry = String::from_utf8_lossy(entry);
            entry.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).is_some_and(&is_it)
        })
    };
    all().into_iter().filter(wanted).collect()
}

/// The pids of all processes of a job, wherever they have gone, by the environment they were started with.
pub(crate) fn of_job(job: &str) -> Vec<u32> {
    with_variable("TRAINYARD_JOB_ID", |id| id == job)
}

/// The pids of all processes with this text among their arguments.
pub(crate) fn with_argument(text: &str) -> Vec<u32> {
    let wanted = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    all().into_iter().filter(wanted).collect()
}

/// What a process is, for messages: its pid and its arguments.
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

/// Nothing that carries the job's mark exists any more, and its shim, which has told the end, is about to be gone too.
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

/// When a process was started, in print_ticks since the boot: with the pid it names one process for ever.
pub(crate) fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Removes the control groups that killed shims have left, by what their launches say.
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

/// Who was killed just now is in his group for a moment longer.
fn remove_group(group: &Path) {
    for _ in 0..1000 {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => std::thread::yield_now(),
            _ => return,
        }
    }
}

/// When dropped, ends all jobs that lie below a directory, shims first, so that a failed test leaves nothing running.
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
