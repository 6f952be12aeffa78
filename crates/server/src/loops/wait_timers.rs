//! How long an attempt has waited, by the steady clock: a change of the host's clock neither shortens nor lengthens a wait.
//!
//! The timers hold no truth: the rows say until when a job waits, by the wall clock. After a restart of the server a wait
//! is measured from the first look on, and never lasts longer than planned.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use trainyard_domain::{
    id::JobId,
    time::{Span, SteadyTime, WallTime},
};

use crate::clock::Clock;

/// One attempt: its job and its number.
pub(super) type AttemptKey = (JobId, u32);

/// The retry delays that the scheduler has seen, each with the instant of the steady clock at which it ends.
#[derive(Debug, Default)]
pub(super) struct RetryTimers(HashMap<AttemptKey, SteadyTime>);

impl RetryTimers {
    /// Whether the delay after an attempt is over. `until` is its planned end by the wall clock, `delay` its length.
    /// An attempt fails once, so each has one delay.
    pub(super) fn is_due(&mut self, key: &AttemptKey, until: WallTime, delay: Span, clock: &Clock) -> bool {
        let (wall, steady) = (clock.now(), clock.steady());
        let first = || steady + (until - wall).clamp(Span::ZERO, delay.or_zero());
        steady >= *self.0.entry(key.clone()).or_insert_with(first)
    }

    /// Forgets all delays but those after these attempts.
    pub(super) fn keep(&mut self, keys: &HashSet<AttemptKey>) {
        self.0.retain(|key, _| keys.contains(key));
    }
}

/// The attempts that the runner tries to start, each with the instant of the steady clock of its first try.
#[derive(Debug, Default)]
pub(super) struct StartTimers(HashMap<AttemptKey, SteadyTime>);

impl StartTimers {
    /// The time since the first call for this attempt.
    pub(super) fn tried_for(&mut self, key: &AttemptKey, clock: &Clock) -> Span {
        let steady = clock.steady();
        steady - *self.0.entry(key.clone()).or_insert(steady)
    }

    /// Forgets an attempt: the next call for it counts from zero.
    pub(super) fn forget(&mut self, key: &AttemptKey) {
        self.0.remove(key);
    }

    /// Forgets all attempts but these.
    pub(super) fn keep(&mut self, keys: &HashSet<AttemptKey>) {
        self.0.retain(|key, _| keys.contains(key));
    }
}
