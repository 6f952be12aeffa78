//! The order of the queue: by class, then by age.
//!
//! Invariant: the class of a waiting job only rises, so every job becomes the oldest of the highest class at some time.

use std::cmp::Reverse;

use super::{Candidate, Rules};
use crate::{id::JobId, time::WallTime};

/// The class that goes first.
const HIGHEST: u8 = 3;

impl Candidate {
    /// The priority, raised by one for each period of waiting. The running time of earlier attempts does not count as
    /// waiting.
    pub(super) fn class(&self, rules: Rules, now: WallTime) -> u8 {
        let waited = (now - self.since - self.ran).or_zero();
        let raises = waited.checked_div(rules.ageing).map_or(0, |raises| u8::try_from(raises).unwrap_or(HIGHEST));
        self.priority.saturating_add(raises).min(HIGHEST.max(self.priority))
    }

    /// The sort key: the smallest goes first. The id decides between jobs of the same instant, so the order is stable.
    pub(super) fn rank(&self, rules: Rules, now: WallTime) -> (Reverse<u8>, WallTime, &JobId) {
        (Reverse(self.class(rules, now)), self.since, &self.job)
    }
}

/// The queued jobs in the order of the queue.
pub fn order<'a>(rules: Rules, now: WallTime, candidates: impl IntoIterator<Item = &'a Candidate>) -> Vec<&'a JobId> {
    let mut ranked: Vec<_> = candidates.into_iter().map(|one| one.rank(rules, now)).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(.., job)| job).collect()
}
