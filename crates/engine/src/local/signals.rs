//! Signals that the server itself sends to the processes of an attempt: it kills them, or continues a stopped shim.
//!
//! The workers of a killed shim continue as children of init. The server kills them before it reports the attempt as
//! lost, so that a next attempt never runs beside them. It finds them by their control groups, which no worker can leave,
//! or kills their pid namespace. On a host with neither, it finds them by their environment tag; there a process escapes
//! if it has dropped the tag and all its tagged ancestors are gone.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use rustix::{
    event::{Timespec, poll},
    process::Signal,
};
use trainyard_domain::id::JobId;

use super::{
    cgroup::{Groups, cleanup, detect::ProcessControl},
    dirs::AttemptDir,
    env_tag::EnvTag,
    proc::{self, ProcessId},
    record::{self, LaunchRecord, ShimId, Started},
};

/// How long the kernel may take to end the killed processes.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two scans of the processes.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Kills all processes of an attempt that can be found; returns the pids of those that did not end in time.
pub(super) fn kill_remaining(dir: &AttemptDir, shim: Option<ShimId>, control: &ProcessControl) -> Vec<u32> {
    let Some((job, attempt)) = dir.parse() else { return Vec::new() };
    let (groups, pid_namespace) = recorded(dir, control, &job, attempt);
    let pid1 = shim.filter(|_| pid_namespace).map(ProcessId::from);
    let stuck = pid1.filter(|pid1| !end_namespace(*pid1)).map(|pid1| pid1.pid);
    let name = format!("attempt {attempt} of {job}");
    let until = Instant::now() + KILL_TIMEOUT;
    let mut remaining = groups.map_or_else(Vec::new, |groups| cleanup::kill_and_remove(&groups, &name, until));
    remaining.extend(kill_tagged(&EnvTag::new(job, attempt), None));
    remaining.extend(stuck);
    remaining.sort_unstable();
    remaining.dedup();
    remaining
}

/// Continues the shim of an attempt if a signal has stopped it.
///
/// Workers of the same user can stop the shim by mistake or on purpose. A stopped shim reads no output, sees no exits and
/// receives no stop request.
pub(super) fn resume_shim(dir: &AttemptDir) {
    if let Ok(Some(started)) = record::read::<Started>(&dir.started()) {
        resume_if_stopped(dir, &started);
    }
}

/// As [`resume_shim`], with a record that was read already.
pub(super) fn resume_if_stopped(dir: &AttemptDir, started: &Started) {
    let id = ProcessId::from(started.shim);
    if proc::read(id.pid).is_some_and(|now| now.id == id && now.is_stopped) && proc::signal(id, Signal::CONT) {
        tracing::warn!(dir = %dir.0.display(), "a signal had stopped the shim of this attempt; it continues");
    }
}

/// Kills the workers of an attempt after its shim failed to do so; leaves their control groups to the shim.
pub(super) fn kill_workers(dir: &AttemptDir, control: &ProcessControl) {
    let Some((job, attempt)) = dir.parse() else { return };
    tracing::warn!(dir = %dir.0.display(), "the attempt still runs after its grace; killing its workers");
    if let (Some(groups), _) = recorded(dir, control, &job, attempt) {
        groups.kill_all(Instant::now() + KILL_TIMEOUT);
    }
    let shim = record::read::<Started>(&dir.started()).ok().flatten().map(|started| started.shim.into());
    kill_tagged(&EnvTag::new(job, attempt), shim);
}

/// The control groups of the attempt, and whether it has a pid namespace, as `launch.json` says. Without that file: as
/// this server would launch the attempt now.
fn recorded(dir: &AttemptDir, control: &ProcessControl, job: &JobId, attempt: u32) -> (Option<Groups>, bool) {
    match record::read::<LaunchRecord>(&dir.launch()) {
        Ok(Some(record)) => (record.groups, record.sandbox.is_some_and(|sandbox| sandbox.pid_namespace)),
        _ => (control.groups(job, attempt), control.has_pid_namespaces),
    }
}

/// Ends a pid namespace by killing its process 1; returns whether it ended in time. The kernel releases the locks of
/// process 1 before it kills the others, and shows process 1 as ended only when no other process is left.
fn end_namespace(pid1: ProcessId) -> bool {
    let until = Instant::now() + KILL_TIMEOUT;
    // Process 1 is ending already, unless another process has deleted its lock file.
    proc::signal(pid1, Signal::KILL);
    loop {
        let has_ended = proc::read(pid1.pid).is_none_or(|now| now.id != pid1 || now.is_zombie);
        if has_ended || Instant::now() >= until {
            return has_ended;
        }
        let _ = poll(&mut [], Some(&PAUSE));
    }
}

/// Kills tagged processes until two scans in a row find none: a new process shows its tag a moment after it exists.
fn kill_tagged(tag: &EnvTag, shim: Option<ProcessId>) -> Vec<u32> {
    let until = Instant::now() + KILL_TIMEOUT;
    let mut known = HashSet::new();
    let mut empty_scans = 0;
    loop {
        let remaining = tagged(tag, shim, &mut known);
        empty_scans = if remaining.is_empty() { empty_scans + 1 } else { 0 };
        if empty_scans == 2 || Instant::now() >= until {
            return remaining.iter().map(|process| process.pid).collect();
        }
        for process in &remaining {
            proc::signal(*process, Signal::KILL);
        }
        let _ = poll(&mut [], Some(&PAUSE));
    }
}

/// Processes that carry the tag, their descendants and those of the shim, plus those found earlier that still exist: a
/// process loses its environment a moment before it ends.
fn tagged(tag: &EnvTag, shim: Option<ProcessId>, known: &mut HashSet<ProcessId>) -> Vec<ProcessId> {
    let all = proc::all().unwrap_or_default();
    let own = std::process::id();
    let roots: Vec<ProcessId> = all
        .iter()
        .map(|process| process.id)
        .filter(|id| id.pid != own && (known.contains(id) || tag.is_on(id.pid)))
        .collect();
    let shim = shim.filter(|shim| all.iter().any(|process| process.id == *shim));
    let pids: Vec<u32> = roots.iter().chain(&shim).map(|id| id.pid).collect();
    let below = proc::below(&all, &pids).into_iter().map(|(process, _)| process.id);
    known.extend(roots.into_iter().chain(below));
    let alive = all.iter().filter(|process| !process.is_zombie).map(|process| process.id);
    alive.filter(|id| known.contains(id)).collect()
}
