//! How long a job holds what it is given, as far as anybody knows.
//!
//! Only a limit makes an end known. A job without one is endless, unless the centre assumes a length for such jobs.

use crate::{job::Job, time::Millis};

/// What starting and ending may take beyond the limit and the grace, in milliseconds.
const MARGIN_MS: Millis = 5_000;

/// What a centre lays down for its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a job waits until it rises by one class.
    pub ageing_ms: Millis,
    /// How long a job without a limit is taken to run; `None` is for ever.
    pub assumed_ms: Option<Millis>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ageing_ms: 12 * 3600 * 1000, assumed_ms: None }
    }
}

/// The longest that a job may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The running time that its limit leaves it, summed over attempts; `None` without a limit.
    pub limit_ms: Option<Millis>,
    /// What it may take to end after that.
    pub grace_ms: Millis,
}

impl Length {
    /// What a job's spec and its earlier attempts leave it.
    pub fn of(job: &Job) -> Self {
        Self::left(job.spec.timeout_seconds, job.spec.stop_grace_seconds, job.ran_ms)
    }

    /// What a limit of running time leaves of itself after so much of it, and a grace.
    pub fn left(timeout_seconds: Option<u64>, grace_seconds: u32, ran_ms: Millis) -> Self {
        let whole = timeout_seconds.map(|s| Millis::try_from(s.saturating_mul(1000)).unwrap_or(Millis::MAX));
        Self {
            limit_ms: whole.map(|whole| whole.saturating_sub(ran_ms).max(0)),
            grace_ms: Millis::from(grace_seconds) * 1000,
        }
    }

    /// How long it holds its place, from being placed to its last process's end; `None` is for ever.
    pub(super) fn lasts(&self, rules: Rules) -> Option<Millis> {
        let running = self.limit_ms.or(rules.assumed_ms)?;
        Some(running.saturating_add(self.over()))
    }

    /// What it holds its place beyond its running time.
    pub(super) fn over(&self) -> Millis {
        self.grace_ms.saturating_add(MARGIN_MS)
    }

    /// When it ends at the latest, having been placed and started then; never in the past, `None` where nobody knows.
    pub(super) fn ends(&self, rules: Rules, placed: Millis, started: Option<Millis>, now: Millis) -> Option<Millis> {
        let lasts = self.lasts(rules)?;
        let by_place = placed.saturating_add(lasts);
        // A slow start moves the end, but no more than it must: what was promised to others was counted from the place.
        let by_start = started.map_or(0, |at| at.saturating_add(lasts.saturating_sub(MARGIN_MS)));
        let end = by_place.max(by_start);
        if end > now {
            return Some(end);
        }
        // Its limit has come, so it is about to end. Who only outran an assumption may run for ever.
        self.limit_ms.map(|_| now.saturating_add(1))
    }
}
