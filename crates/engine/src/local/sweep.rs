//! Signals that the server itself sends to the processes of an attempt.
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
    cgroup::{Groups, detect::Means, leftover},
    dirs::AttemptDir,
    kill_method::KillMethod,
    mark::Mark,
    proc::{self, ProcessId},
    record::{self, LaunchRecord, ShimId, Started},
};

/// How long the kernel may take to end the killed processes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two scans of the processes.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Kills all processes of an attempt that can be found; returns the pids of those that did not end in time.
pub(super) fn sweep(dir: &AttemptDir, shim: Option<ShimId>, means: &Means) -> Vec<u32> {
    let Some((job, attempt)) = dir.names() else { return Vec::new() };
    let (groups, own_pids) = recorded(dir, means, &job, attempt);
    let first = shim.filter(|_| own_pids).map(ProcessId::from);
    let stuck = first.filter(|first| !end_namespace(*first)).map(|first| first.pid);
    let name = format!("attempt {attempt} of {job}");
    let mut left = groups.map_or_else(Vec::new, |groups| leftover::end(&groups, &name, Instant::now() + PATIENCE));
    left.extend(by_mark(&Mark::new(job, attempt), None));
    left.extend(stuck);
    left.sort_unstable();
    left.dedup();
    left
}

/// Kills the workers of an attempt after its shim failed to do so; leaves their control groups to the shim.
pub(super) fn kill_workers(dir: &AttemptDir, means: &Means) {
    let Some((job, attempt)) = dir.names() else { return };
    tracing::warn!(dir = %dir.0.display(), "the attempt still runs after its grace; killing its workers");
    if let (Some(groups), _) = recorded(dir, means, &job, attempt) {
        groups.kill_all(Instant::now() + PATIENCE);
    }
    let shim = record::read::<Started>(&dir.started()).ok().flatten().map(|started| started.shim.into());
    by_mark(&Mark::new(job, attempt), shim);
}

/// The control groups of the attempt, and whether it has a pid namespace, as `launch.json` says. Without that file: as
/// this server would launch the attempt now.
fn recorded(dir: &AttemptDir, means: &Means, job: &JobId, attempt: u32) -> (Option<Groups>, bool) {
    match record::read::<LaunchRecord>(&dir.launch()) {
        Ok(Some(record)) => (record.groups, record.space.is_some_and(|space| space.own_pids)),
        _ => (means.groups(job, attempt), means.method == KillMethod::PidNamespace),
    }
}

/// Ends a pid namespace by killing its process 1; returns whether it ended in time. The kernel releases the locks of
/// process 1 before it kills the others, and shows process 1 as ended only when no other process is left.
fn end_namespace(first: ProcessId) -> bool {
    let until = Instant::now() + PATIENCE;
    // Process 1 is ending already, unless another process has deleted its lock file.
    proc::signal(first, Signal::KILL);
    loop {
        let has_ended = proc::one(first.pid).is_none_or(|now| now.id != first || now.is_zombie);
        if has_ended || Instant::now() >= until {
            return has_ended;
        }
        let _ = poll(&mut [], Some(&PAUSE));
    }
}

/// Kills tagged processes until two scans in a row find none: a new process shows its tag a moment after it exists.
fn by_mark(mark: &Mark, shim: Option<ProcessId>) -> Vec<u32> {
    let until = Instant::now() + PATIENCE;
    let mut known = HashSet::new();
    let mut empty_looks = 0;
    loop {
        let left = marked(mark, shim, &mut known);
        empty_looks = if left.is_empty() { empty_looks + 1 } else { 0 };
        if empty_looks == 2 || Instant::now() >= until {
            return left.iter().map(|process| process.pid).collect();
        }
        for process in &left {
            proc::signal(*process, Signal::KILL);
        }
        let _ = poll(&mut [], Some(&PAUSE));
    }
}

/// Processes that carry the tag, their descendants and those of the shim, plus those found earlier that still exist: a
/// process loses its environment a moment before it ends.
fn marked(mark: &Mark, shim: Option<ProcessId>, known: &mut HashSet<ProcessId>) -> Vec<ProcessId> {
    let all = proc::all().unwrap_or_default();
    let own = std::process::id();
    let roots: Vec<ProcessId> = all
        .iter()
        .map(|process| process.id)
        .filter(|id| id.pid != own && (known.contains(id) || mark.is_on(id.pid)))
        .collect();
    let shim = shim.filter(|shim| all.iter().any(|process| process.id == *shim));
    let pids: Vec<u32> = roots.iter().chain(&shim).map(|id| id.pid).collect();
    let below = proc::below(&all, &pids).into_iter().map(|(process, _)| process.id);
    known.extend(roots.into_iter().chain(below));
    let alive = all.iter().filter(|process| !process.is_zombie).map(|process| process.id);
    alive.filter(|id| known.contains(id)).collect()
}
