//! The processes below the shim: which worker each belongs to, and the signals to those that must end.
//!
//! A process belongs to the worker of its control group. On a host without groups, it belongs to the worker with the main
//! process above it. An orphan has become a child of the shim, the subreaper: there its process group decides, which is
//! that of the main process unless the orphan made its own; else its environment tag. A process that has changed both
//! belongs to an unknown worker and continues, at most, as long as the attempt.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io, process,
    time::Instant,
};

use nix::{
    sys::signal::{SIGKILL, kill},
    unistd::Pid,
};
use rustix::process::Signal;

use super::gang::{Action, Gang};
use crate::local::{
    cgroup::Groups,
    env_tag::EnvTag,
    proc::{self, Process, ProcessId},
};

/// How often a scan that kills is repeated at once while it still finds new processes.
const ROUNDS: usize = 10;

/// What the shim remembers between its scans.
#[derive(Debug)]
pub(super) struct Descendants {
    tag: EnvTag,
    /// Whether this process is process 1 of the attempt's pid namespace.
    is_pid1: bool,
    /// Ranks by the pids of all main processes that were started; each pid is also the number of its process group.
    mains: HashMap<u32, u32>,
    /// Ranks by the pids of the main processes that run.
    running: HashMap<u32, u32>,
    /// Processes that have received SIGTERM.
    terminated: HashSet<ProcessId>,
    /// Workers that have received SIGTERM; `None` means processes of unknown workers.
    terminated_workers: HashSet<Option<u32>>,
}

/// One process below the shim.
struct Descendant {
    process: Process,
    worker: Option<u32>,
    /// Whether the parent of the process is the shim itself.
    is_child: bool,
}

impl Descendants {
    /// Starts without known processes. The tag is the one that the attempt's processes carry.
    pub(super) fn new(tag: EnvTag, is_pid1: bool) -> Self {
        let (mains, running, terminated, terminated_workers) = Default::default();
        Self { tag, is_pid1, mains, running, terminated, terminated_workers }
    }

    /// A main process was started.
    pub(super) fn started(&mut self, pid: u32, rank: u32) {
        self.mains.insert(pid, rank);
        self.running.insert(pid, rank);
    }

    /// A main process was reaped; the kernel may reuse its pid.
    pub(super) fn reaped(&mut self, pid: u32) {
        self.running.remove(&pid);
    }

    /// Scans once and signals each process as the gang decides. A scan that kills is repeated at once while it finds new
    /// processes, since they may be forking. Returns whether it killed any.
    pub(super) fn signal(&mut self, gang: &mut Gang, groups: Option<&Groups>, now: Instant) -> io::Result<bool> {
        let mut killed = HashSet::new();
        for _ in 0..ROUNDS {
            kill_groups(gang, groups, now);
            self.kill_namespace(gang, now);
            let members =
                groups.map_or_else(HashMap::new, |groups| groups.members(gang.started_ranks()).into_iter().collect());
            let found = self.find(&members)?;
            let remaining: BTreeSet<u32> = found.iter().filter_map(|found| found.worker).collect();
            for rank in gang.ranks_with_leftovers().into_iter().filter(|rank| !remaining.contains(rank)) {
                gang.clear_leftovers(rank);
            }
            self.terminate(&found, gang, now);
            let doomed = found.iter().filter(|found| gang.action(found.worker, now) == Action::Kill);
            let mut found_new = false;
            for found in doomed {
                found_new |= killed.insert(found.process.id);
                proc::signal(found.process.id, Signal::KILL);
            }
            if !found_new {
                break;
            }
        }
        Ok(!killed.is_empty())
    }

    /// When all processes must be killed, the kernel kills all that this process sees except itself, and none of them can
    /// fork meanwhile.
    fn kill_namespace(&self, gang: &Gang, now: Instant) {
        // Both checks, because in the namespace of the host this would kill all processes of the user.
        if self.is_pid1 && process::id() == 1 && gang.must_kill_all(now) {
            let _ = kill(Pid::from_raw(-1), SIGKILL);
        }
    }

    /// Sends SIGTERM once to all processes that a worker has at that moment. A process that these start afterwards, for
    /// example to save their work, receives it only as an orphan: that also finds a process that was just being forked.
    fn terminate(&mut self, found: &[Descendant], gang: &Gang, now: Instant) {
        let mut workers = HashSet::new();
        for found in found.iter().filter(|found| gang.action(found.worker, now) == Action::Term) {
            workers.insert(found.worker);
            let is_first_time = !self.terminated_workers.contains(&found.worker);
            if (is_first_time || found.is_child) && self.terminated.insert(found.process.id) {
                proc::signal(found.process.id, Signal::TERM);
            }
        }
        self.terminated_workers.extend(workers);
    }

    /// All processes below this one, and those in a control group of the attempt that are not below it.
    fn find(&self, members: &HashMap<u32, u32>) -> io::Result<Vec<Descendant>> {
        let all = proc::all()?;
        let children: Vec<Process> = all.iter().filter(|process| process.parent == process::id()).copied().collect();
        let owners: HashMap<u32, Option<u32>> =
            children.iter().map(|process| (process.id.pid, self.owner(process, members))).collect();
        let pids: Vec<u32> = children.iter().map(|process| process.id.pid).collect();
        let owner = |root: u32| owners.get(&root).copied().flatten();
        let below = proc::below(&all, &pids).into_iter().map(|(process, root)| {
            let worker = members.get(&process.id.pid).copied().or_else(|| owner(root));
            Descendant { process, worker, is_child: false }
        });
        let children = children.iter().map(|process| Descendant {
            process: *process,
            worker: owner(process.id.pid),
            is_child: true,
        });
        let mut found: Vec<Descendant> = children.chain(below).collect();
        let known: HashSet<u32> = found.iter().map(|found| found.process.id.pid).collect();
        let others = all.iter().filter(|process| !known.contains(&process.id.pid));
        found.extend(others.filter_map(|process| {
            members.get(&process.id.pid).map(|rank| Descendant {
                process: *process,
                worker: Some(*rank),
                is_child: false,
            })
        }));
        Ok(found)
    }

    fn owner(&self, child: &Process, members: &HashMap<u32, u32>) -> Option<u32> {
        let by_control_group = || members.get(&child.id.pid).copied();
        let by_group = || self.mains.get(&child.group).copied();
        let by_tag = || self.tag.rank_of(child.id.pid).filter(|rank| self.mains.values().any(|known| known == rank));
        let running = self.running.get(&child.id.pid).copied();
        running.or_else(by_control_group).or_else(by_group).or_else(by_tag)
    }
}

/// Kills the whole control groups of the workers that must be killed.
fn kill_groups(gang: &Gang, groups: Option<&Groups>, now: Instant) {
    let Some(groups) = groups else { return };
    for rank in gang.started_ranks().into_iter().filter(|rank| gang.action(Some(*rank), now) == Action::Kill) {
        if let Err(error) = groups.kill(rank) {
            super::log_error(&format!("cannot kill the control group of rank {rank}: {error}"));
        }
    }
}
