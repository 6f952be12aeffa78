//! How long a job holds what it is given, as far as anybody knows.
//!
//! Only a limit makes an end known. A job without one is endless, unless the centre assumes a length for such jobs.

use crate::{
    job::Job,
    time::{Span, WallTime},
};

/// What starting and ending may take beyond the limit and the grace.
const MARGIN: Span = Span::from_seconds(5);

/// What a centre lays down for its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a job waits until it rises by one class.
    pub ageing: Span,
    /// How long a job without a limit is taken to run; `None` is for ever.
    pub assumed: Option<Span>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ageing: Span::from_hours(12), assumed: None }
    }
}

/// The longest that a job may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The running time that its limit leaves it, summed over attempts; `None` without a limit.
    pub limit: Option<Span>,
    /// What it may take to end after that.
    pub grace: Span,
}

impl Length {
    /// What a job's spec and its earlier attempts leave it.
    pub fn of(job: &Job) -> Self {
        Self::left(job.spec.timeout_seconds, job.spec.stop_grace_seconds, job.ran)
    }

    /// What a limit of running time leaves of itself after so much of it, and a grace.
    pub fn left(timeout_seconds: Option<u64>, grace_seconds: u32, ran: Span) -> Self {
        let whole = timeout_seconds.map(Span::from_whole_seconds);
        Self { limit: whole.map(|whole| (whole - ran).or_zero()), grace: Span::from_seconds(i64::from(grace_seconds)) }
    }

    /// How long it holds its place, from being placed to its last process's end; `None` is for ever.
    pub(super) fn lasts(&self, rules: Rules) -> Option<Span> {
        let running = self.limit.or(rules.assumed)?;
        Some(running + self.over())
    }

    /// What it holds its place beyond its running time.
    pub(super) fn over(&self) -> Span {
        self.grace + MARGIN
    }

    /// When it ends at the latest, having been placed and started then; never in the past, `None` where nobody knows.
    pub(super) fn ends(
        &self,
        rules: Rules,
        placed: WallTime,
        started: Option<WallTime>,
        now: WallTime,
    ) -> Option<WallTime> {
        let lasts = self.lasts(rules)?;
        let by_place = placed + lasts;
        // A slow start moves the end, but no more than it must: what was promised to others was counted from the place.
        let by_start = started.map(|at| at + (lasts - MARGIN));
        let end = by_start.map_or(by_place, |by_start| by_place.max(by_start));
        if end > now {
            return Some(end);
        }
        // Its limit has come, so it is about to end. Who only outran an assumption may run for ever.
        self.limit.map(|_| now + Span::from_ms(1))
    }
}
