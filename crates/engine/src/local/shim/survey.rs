//! Who lives below the shim, whose worker each belongs to, and telling them their fate.
//!
//! A process belongs to the worker whose control group it is in. Where there is none, to the one whose main process is
//! above it. One that has outlived its parents came to the shim, the subreaper: there its process group tells, which is
//! the main process's unless it made its own; else the environment it was started with. Who has hidden both is nobody's
//! and lives, at most, as long as the attempt.

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

/// How often a killing round is repeated at once while it still finds new ones.
const ROUNDS: usize = 10;

/// What the shim remembers of its surveys.
#[derive(Debug)]
pub(super) struct Surveyor {
    mark: Mark,
    /// Whether this process is the first of the attempt's own pid namespace.
    is_first: bool,
    /// The main processes that were started; their pids are also the numbers of their groups.
    mains: HashMap<u32, u32>,
    /// The main processes that run.
    running: HashMap<u32, u32>,
    /// Who has had SIGTERM.
    told: HashSet<ProcessId>,
    /// Whose processes have had it.
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
    /// Has seen nothing yet; the mark is what the attempt's processes carry in their environment.
    pub(super) fn new(mark: Mark, is_first: bool) -> Self {
        let (mains, running, told, announced) = Default::default();
        Self { mark, is_first, mains, running, told, announced }
    }

    /// A main process was started.
    pub(super) fn began(&mut self, pid: u32, rank: u32) {
        self.mains.insert(pid, rank);
        self.running.insert(pid, rank);
    }

    /// A main process was reaped; its pid may now be anybody's.
    pub(super) fn reaped(&mut self, pid: u32) {
        self.running.remove(&pid);
    }

    /// Looks once and does to everybody what the gang says. A killing look is repeated at once while it finds new
    /// ones, since they may be forking. Answers whether anybody was killed.
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

    /// When everybody's time is up, the kernel kills all at once whom this process sees but itself, and nobody can fork
    /// meanwhile.
    fn kill_namespace(&self, gang: &Gang, now: Instant) {
        // Twice sure: of another namespace this would be everybody.
        if self.is_first && process::id() == 1 && gang.is_up_for_all(now) {
            let _ = kill(Pid::from_raw(-1), SIGKILL);
        }
    }

    /// SIGTERM goes once to all that a worker has at that moment. What these start afterwards, to put things in order,
    /// is let be, unless it is left alone: a process that was forked at the very moment is found so too.
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

    /// Everybody below this process, and whoever is in a group without being below it.
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

/// The workers whose time is up are killed whole.
fn kill_groups(gang: &Gang, groups: Option<&Groups>, now: Instant) {
    let Some(groups) = groups else { return };
    for rank in gang.begun().into_iter().filter(|rank| gang.fate(Some(*rank), now) == Fate::Kill) {
        if let Err(error) = groups.kill(rank) {
            super::complain(&format!("the control group of rank {rank} cannot be killed: {error}"));
        }
    }
}
