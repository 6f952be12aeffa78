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

use super::gang::{Fate, Gang};
use crate::local::{
    cgroup::Groups,
    mark::Mark,
    proc::{self, Process, ProcessId},
};

/// How often a scan that kills is repeated at once while it still finds new processes.
const ROUNDS: usize = 10;

/// What the shim remembers between its scans.
#[derive(Debug)]
pub(super) struct Surveyor {
    mark: Mark,
    /// Whether this process is process 1 of the attempt's pid namespace.
    is_first: bool,
    /// Ranks by the pids of all main processes that were started; each pid is also the number of its process group.
    mains: HashMap<u32, u32>,
    /// Ranks by the pids of the main processes that run.
    running: HashMap<u32, u32>,
    /// Processes that have received SIGTERM.
    told: HashSet<ProcessId>,
    /// Workers that have received SIGTERM; `None` means processes of unknown workers.
    announced: HashSet<Option<u32>>,
}

/// One process below the shim.
struct Found {
    process: Process,
    worker: Option<u32>,
    /// Whether its parent is the shim itself.
    at_top: bool,
}

impl Surveyor {
    /// Starts without known processes. The tag is the one that the attempt's processes carry.
    pub(super) fn new(mark: Mark, is_first: bool) -> Self {
        let (mains, running, told, announced) = Default::default();
        Self { mark, is_first, mains, running, told, announced }
    }

    /// A main process was started.
    pub(super) fn began(&mut self, pid: u32, rank: u32) {
        self.mains.insert(pid, rank);
        self.running.insert(pid, rank);
    }

    /// A main process was reaped; the kernel may reuse its pid.
    pub(super) fn reaped(&mut self, pid: u32) {
        self.running.remove(&pid);
    }

    /// Scans once and signals each process as the gang decides. A scan that kills is repeated at once while it finds new
    /// processes, since they may be forking. Returns whether it killed any.
    pub(super) fn tell(&mut self, gang: &mut Gang, groups: Option<&Groups>, now: Instant) -> io::Result<bool> {
        let mut killed = HashSet::new();
        for _ in 0..ROUNDS {
            kill_groups(gang, groups, now);
            self.kill_namespace(gang, now);
            let members = groups.map_or_else(HashMap::new, |groups| groups.members(gang.begun()).into_iter().collect());
            let found = self.find(&members)?;
            let left: BTreeSet<u32> = found.iter().filter_map(|found| found.worker).collect();
            for rank in gang.maybe_left().into_iter().filter(|rank| !left.contains(rank)) {
                gang.is_clean(rank);
            }
            self.ask(&found, gang, now);
            let doomed = found.iter().filter(|found| gang.fate(found.worker, now) == Fate::Kill);
            let mut anybody_new = false;
            for found in doomed {
                anybody_new |= killed.insert(found.process.id);
                proc::signal(found.process.id, Signal::KILL);
            }
            if !anybody_new {
                break;
            }
        }
        Ok(!killed.is_empty())
    }

    /// When all processes must be killed, the kernel kills all that this process sees except itself, and none of them can
    /// fork meanwhile.
    fn kill_namespace(&self, gang: &Gang, now: Instant) {
        // Both checks, because in the namespace of the host this would kill all processes of the user.
        if self.is_first && process::id() == 1 && gang.is_up_for_all(now) {
            let _ = kill(Pid::from_raw(-1), SIGKILL);
        }
    }

    /// Sends SIGTERM once to all processes that a worker has at that moment. A process that these start afterwards, for
    /// example to save their work, receives it only as an orphan: that also finds a process that was just being forked.
    fn ask(&mut self, found: &[Found], gang: &Gang, now: Instant) {
        let mut workers = HashSet::new();
        for found in found.iter().filter(|found| gang.fate(found.worker, now) == Fate::Term) {
            workers.insert(found.worker);
            let is_first_time = !self.announced.contains(&found.worker);
            if (is_first_time || found.at_top) && self.told.insert(found.process.id) {
                proc::signal(found.process.id, Signal::TERM);
            }
        }
        self.announced.extend(workers);
    }

    /// All processes below this one, and those in a control group of the attempt that are not below it.
    fn find(&self, members: &HashMap<u32, u32>) -> io::Result<Vec<Found>> {
        let all = proc::all()?;
        let top: Vec<Process> = all.iter().filter(|one| one.parent == process::id()).copied().collect();
        let owners: HashMap<u32, Option<u32>> = top.iter().map(|one| (one.id.pid, self.owner(one, members))).collect();
        let pids: Vec<u32> = top.iter().map(|one| one.id.pid).collect();
        let owner = |root: u32| owners.get(&root).copied().flatten();
        let below = proc::below(&all, &pids).into_iter().map(|(process, root)| {
            let worker = members.get(&process.id.pid).copied().or_else(|| owner(root));
            Found { process, worker, at_top: false }
        });
        let top = top.iter().map(|one| Found { process: *one, worker: owner(one.id.pid), at_top: true });
        let mut found: Vec<Found> = top.chain(below).collect();
        let known: HashSet<u32> = found.iter().map(|found| found.process.id.pid).collect();
        let others = all.iter().filter(|one| !known.contains(&one.id.pid));
        found.extend(others.filter_map(|one| {
            members.get(&one.id.pid).map(|rank| Found { process: *one, worker: Some(*rank), at_top: false })
        }));
        Ok(found)
    }

    fn owner(&self, child: &Process, members: &HashMap<u32, u32>) -> Option<u32> {
        let by_control_group = || members.get(&child.id.pid).copied();
        let by_group = || self.mains.get(&child.group).copied();
        let by_mark = || self.mark.rank_of(child.id.pid).filter(|rank| self.mains.values().any(|known| known == rank));
        let running = self.running.get(&child.id.pid).copied();
        running.or_else(by_control_group).or_else(by_group).or_else(by_mark)
    }
}

/// Kills the whole control groups of the workers that must be killed.
fn kill_groups(gang: &Gang, groups: Option<&Groups>, now: Instant) {
    let Some(groups) = groups else { return };
    for rank in gang.begun().into_iter().filter(|rank| gang.fate(Some(*rank), now) == Fate::Kill) {
        if let Err(error) = groups.kill(rank) {
            super::complain(&format!("cannot kill the control group of rank {rank}: {error}"));
        }
    }
}
