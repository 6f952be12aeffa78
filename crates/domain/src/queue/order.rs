//! The order of the queue: class, then age.
//!
//! Invariant: a job that waits rises and never falls, so every job is the oldest of the highest class some day.

use std::cmp::Reverse;

use super::{Candidate, Rules};
use crate::{id::JobId, time::WallTime};

/// The class that goes first.
const HIGHEST: u8 = 3;

impl Candidate {
    /// Its priority, lifted by one for each period that it has waited. Who runs does not wait: the time of earlier
    /// attempts is not counted.
    pub(super) fn class(&self, rules: Rules, now: WallTime) -> u8 {
        let waited = (now - self.since - self.ran).or_zero();
        let lifts = waited.checked_div(rules.ageing).map_or(0, |lifts| u8::try_from(lifts).unwrap_or(HIGHEST));
        self.priority.saturating_add(lifts).min(HIGHEST.max(self.priority))
    }

    /// Sorts who goes first to the front. At the same instant the id decides, so that the order never wavers.
    pub(super) fn rank(&self, rules: Rules, now: WallTime) -> (Reverse<u8>, WallTime, &JobId) {
        (Reverse(self.class(rules, now)), self.since, &self.job)
    }
}

/// Who waits, in the order in which they stand in the queue.
pub fn order<'a>(rules: Rules, now: WallTime, candidates: impl IntoIterator<Item = &'a Candidate>) -> Vec<&'a JobId> {
    let mut ranked: Vec<_> = candidates.into_iter().map(|one| one.rank(rules, now)).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(.., job)| job).collect()
}
