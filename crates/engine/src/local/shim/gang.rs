//! What a gang of workers may still do: who is to end, how soon, and whose fault it was. Pure; time is an argument.
//!
//! Two things end a worker's processes. Its main process ends by itself: what it left has five seconds. Or the whole
//! attempt is ended, by a failure or a wish: all have the grace. The earlier of the two counts.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use trainyard_domain::attempt::Exit;

/// How long what a main process left may take to end.
pub(super) const LEFTOVER_GRACE: Duration = Duration::from_secs(5);

/// What is to be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    RunLoop,
    /// It is asked to end.
    Term,
    /// It is killed.
    Kill,
}

/// The workers of one attempt.
#[derive(Debug)]
pub(super) struct Gang {
    grace: Duration,
    members: BTreeMap<u32, Member>,
    end_by: Option<Instant>,
    last_exit: Option<Instant>,
    first_failure: Option<u32>,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Member {
    began: bool,
    exited: bool,
    /// Set when the main process ended by itself; until nothing of the worker is left.
    leftovers_end_by: Option<Instant>,
}

impl Gang {
    /// Workers of which none has begun; `grace` is what the others get when one fails.
    pub(super) fn new(ranks: impl IntoIterator<Item = u32>, grace: Duration) -> Self {
        let members = ranks.into_iter().map(|rank| (rank, Member::default())).collect();
        Self { grace, members, end_by: None, last_exit: None, first_failure: None, stopped: false }
    }

    /// A worker's main process exists.
    pub(super) fn began(&mut self, rank: u32) {
        if let Some(member) = self.members.get_mut(&rank) {
            member.began = true;
        }
    }

    /// A worker's main process ended.
    pub(super) fn exited(&mut self, rank: u32, exit: &Exit, now: Instant) {
        let by_itself = self.end_by.is_none();
        self.last_exit = Some(now);
        if let Some(member) = self.members.get_mut(&rank) {
            member.exited = true;
            member.leftovers_end_by = by_itself.then_some(now + LEFTOVER_GRACE);
        }
        if by_itself && *exit != Exit::Code(0) {
            self.first_failure = Some(rank);
            self.end_by = Some(now + self.grace);
        }
    }

    /// A worker could not be started. Nobody has done anything worth a grace yet.
    pub(super) fn could_not_start(&mut self, rank: u32, now: Instant) {
        self.first_failure = Some(rank);
        self.end_by = Some(now);
    }

    /// Somebody wishes the end. It can come sooner by a second wish, and never later.
    pub(super) fn stop(&mut self, grace: Duration, now: Instant) {
        let nothing_began = self.members.values().all(|member| !member.began);
        if self.first_failure.is_none() && (nothing_began || !self.all_exited()) {
            self.stopped = true;
        }
        let by = now + grace;
        self.end_by = Some(self.end_by.map_or(by, |before| before.min(by)));
    }

    /// Nothing of this worker is left.
    pub(super) fn is_clean(&mut self, rank: u32) {
        if let Some(member) = self.members.get_mut(&rank) {
            member.leftovers_end_by = None;
        }
    }

    /// Whether no main process runs.
    pub(super) fn all_exited(&self) -> bool {
        self.members.values().all(|member| !member.began || member.exited)
    }

    /// The workers whose main process ended by itself and that may have left something.
    pub(super) fn maybe_left(&self) -> Vec<u32> {
        let left = self.members.iter().filter(|(_, member)| member.leftovers_end_by.is_some());
        left.map(|(rank, _)| *rank).collect()
    }

    /// All workers that have begun.
    pub(super) fn begun(&self) -> Vec<u32> {
        self.members.iter().filter(|(_, member)| member.began).map(|(rank, _)| *rank).collect()
    }

    /// What is to be done to the processes of this worker, or to those of which nobody knows whose they are: these are
    /// let live as long as they may belong to a worker that lives.
    pub(super) fn fate(&self, worker: Option<u32>, now: Instant) -> Fate {
        let own = match worker {
            Some(rank) => self.members.get(&rank).and_then(|member| member.leftovers_end_by),
            None if self.all_exited() => self.last_exit.map(|last| last + LEFTOVER_GRACE),
            None => None,
        };
        match [own, self.end_by].into_iter().flatten().min() {
            None => Fate::RunLoop,
            Some(by) if now < by => Fate::Term,
            Some(_) => Fate::Kill,
        }
    }

    /// Whether everybody is to be killed, known or not.
    pub(super) fn is_up_for_all(&self, now: Instant) -> bool {
        self.end_by.is_some_and(|by| by <= now)
    }

    /// When the next grace ends.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let leftovers = self.members.values().filter_map(|member| member.leftovers_end_by);
        let unknown = self.last_exit.map(|last| last + LEFTOVER_GRACE);
        leftovers.chain(self.end_by).chain(unknown).filter(|by| *by > now).min()
    }

    /// Whether the end of the whole attempt has begun.
    pub(super) fn is_ending(&self) -> bool {
        self.end_by.is_some() || self.all_exited()
    }

    /// Whether there may be processes that are to end.
    pub(super) fn wants_survey(&self) -> bool {
        self.is_ending() || self.members.values().any(|member| member.leftovers_end_by.is_some())
    }

    /// Who failed first, if anybody did before the end was wished for.
    pub(super) fn first_failure(&self) -> Option<u32> {
        self.first_failure
    }

    /// Whether the end was wished for, before a failure and while there was something to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }
}
