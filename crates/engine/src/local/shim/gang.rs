//! The state of a gang of workers: which processes must end, when, and which rank failed first. Pure; time is an argument.
//!
//! Two events end the processes of a worker. When its main process exits by itself, the processes that it left have five
//! seconds. When a failure or a stop request ends the whole attempt, all processes have the grace. The earlier end counts.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use trainyard_domain::attempt::Exit;

/// How long the processes that a main process left may take to end.
pub(super) const LEFTOVER_GRACE: Duration = Duration::from_secs(5);

/// What the shim does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The process continues.
    Continue,
    /// The process receives SIGTERM.
    Term,
    /// The process is killed.
    Kill,
}

/// The workers of one attempt.
#[derive(Debug)]
pub(super) struct Gang {
    grace: Duration,
    members: BTreeMap<u32, Member>,
    deadline: Option<Instant>,
    last_exit: Option<Instant>,
    first_failure: Option<u32>,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Member {
    started: bool,
    exited: bool,
    /// Set when the main process exits by itself; `None` again when no process of the worker is left.
    leftover_deadline: Option<Instant>,
}

impl Gang {
    /// A gang without started workers; `grace` is the time of the other workers after a failure.
    pub(super) fn new(ranks: impl IntoIterator<Item = u32>, grace: Duration) -> Self {
        let members = ranks.into_iter().map(|rank| (rank, Member::default())).collect();
        Self { grace, members, deadline: None, last_exit: None, first_failure: None, stopped: false }
    }

    /// The main process of a worker was started.
    pub(super) fn started(&mut self, rank: u32) {
        if let Some(member) = self.members.get_mut(&rank) {
            member.started = true;
        }
    }

    /// The main process of a worker has exited.
    pub(super) fn exited(&mut self, rank: u32, exit: &Exit, now: Instant) {
        let by_itself = self.deadline.is_none();
        self.last_exit = Some(now);
        if let Some(member) = self.members.get_mut(&rank) {
            member.exited = true;
            member.leftover_deadline = by_itself.then_some(now + LEFTOVER_GRACE);
        }
        if by_itself && *exit != Exit::Code(0) {
            self.first_failure = Some(rank);
            self.deadline = Some(now + self.grace);
        }
    }

    /// A worker could not be started. The others have done no work that deserves a grace.
    pub(super) fn start_failed(&mut self, rank: u32, now: Instant) {
        self.first_failure = Some(rank);
        self.deadline = Some(now);
    }

    /// Applies a stop request. Another request can shorten the time and never extends it.
    pub(super) fn stop(&mut self, grace: Duration, now: Instant) {
        let none_started = self.members.values().all(|member| !member.started);
        if self.first_failure.is_none() && (none_started || !self.all_exited()) {
            self.stopped = true;
        }
        let deadline = now + grace;
        self.deadline = Some(self.deadline.map_or(deadline, |before| before.min(deadline)));
    }

    /// No process of this worker is left.
    pub(super) fn clear_leftovers(&mut self, rank: u32) {
        if let Some(member) = self.members.get_mut(&rank) {
            member.leftover_deadline = None;
        }
    }

    /// Whether no main process runs.
    pub(super) fn all_exited(&self) -> bool {
        self.members.values().all(|member| !member.started || member.exited)
    }

    /// The workers with a main process that exited by itself and may have left processes.
    pub(super) fn ranks_with_leftovers(&self) -> Vec<u32> {
        let left = self.members.iter().filter(|(_, member)| member.leftover_deadline.is_some());
        left.map(|(rank, _)| *rank).collect()
    }

    /// All workers that were started.
    pub(super) fn started_ranks(&self) -> Vec<u32> {
        self.members.iter().filter(|(_, member)| member.started).map(|(rank, _)| *rank).collect()
    }

    /// What to do to the processes of this worker. `None` means processes of an unknown worker: they continue as long as
    /// they may belong to a worker that runs.
    pub(super) fn action(&self, worker: Option<u32>, now: Instant) -> Action {
        let own = match worker {
            Some(rank) => self.members.get(&rank).and_then(|member| member.leftover_deadline),
            None if self.all_exited() => self.last_exit.map(|last| last + LEFTOVER_GRACE),
            None => None,
        };
        match [own, self.deadline].into_iter().flatten().min() {
            None => Action::Continue,
            Some(deadline) if now < deadline => Action::Term,
            Some(_) => Action::Kill,
        }
    }

    /// Whether all processes must be killed, including those of unknown workers.
    pub(super) fn must_kill_all(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// The earliest end of a grace that is not over.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let leftovers = self.members.values().filter_map(|member| member.leftover_deadline);
        let unknown = self.last_exit.map(|last| last + LEFTOVER_GRACE);
        leftovers.chain(self.deadline).chain(unknown).filter(|deadline| *deadline > now).min()
    }

    /// Whether the end of the whole attempt has started.
    pub(super) fn is_ending(&self) -> bool {
        self.deadline.is_some() || self.all_exited()
    }

    /// Whether there may be processes that must end.
    pub(super) fn needs_scan(&self) -> bool {
        self.is_ending() || self.members.values().any(|member| member.leftover_deadline.is_some())
    }

    /// The rank that failed first, if one did before a stop request.
    pub(super) fn first_failure(&self) -> Option<u32> {
        self.first_failure
    }

    /// Whether a stop request came before any failure and while there was something to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }
}
