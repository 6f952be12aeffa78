//! The longest time that a job holds its resources, if it is known.
//!
//! Only a time limit makes an end known. The length of a job without one is unknown, unless the centre assumes a length
//! for such jobs.

use crate::{
    job::Job,
    time::{Span, WallTime},
};

/// The time that starting and ending may take beyond the limit and the grace.
const MARGIN: Span = Span::from_seconds(5);

/// The rules of a centre for its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The waiting time that lifts a job by one class.
    pub ageing: Span,
    /// The assumed running time of jobs without a time limit; `None` assumes no end.
    pub assumed: Option<Span>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { ageing: Span::from_hours(12), assumed: None }
    }
}

/// The longest time that a job may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The running time left of its time limit, summed over attempts; `None` without a limit.
    pub limit: Option<Span>,
    /// The time that the job may take to end after the limit.
    pub grace: Span,
}

impl Length {
    /// The length that a job's spec and its earlier attempts leave.
    pub fn of(job: &Job) -> Self {
        Self::left(job.spec.timeout_seconds, job.spec.stop_grace_seconds, job.ran)
    }

    /// The length that remains of a time limit after a running time of `ran`.
    pub fn left(timeout_seconds: Option<u64>, grace_seconds: u32, ran: Span) -> Self {
        let whole = timeout_seconds.map(Span::from_whole_seconds);
        Self { limit: whole.map(|whole| (whole - ran).or_zero()), grace: Span::from_seconds(i64::from(grace_seconds)) }
    }

    /// The time from the allocation of resources to the end of the last process; `None` is without a known end.
    pub(super) fn lasts(&self, rules: Rules) -> Option<Span> {
        let running = self.limit.or(rules.assumed)?;
        Some(running + self.overhead())
    }

    /// The time for which a job holds its resources beyond its running time.
    pub(super) fn overhead(&self) -> Span {
        self.grace + MARGIN
    }

    /// The latest end of an attempt that was placed and started at these times. Never in the past; `None` if unknown.
    pub(super) fn ends(
        &self,
        rules: Rules,
        placed: WallTime,
        started: Option<WallTime>,
        now: WallTime,
    ) -> Option<WallTime> {
        let lasts = self.lasts(rules)?;
        let after_placing = placed + lasts;
        // A slow start moves the end, but only by the time beyond the margin: the start times promised to other jobs were
        // counted from the placing.
        let end = started.map_or(after_placing, |started| after_placing.max(started + (lasts - MARGIN)));
        if end > now {
            return Some(end);
        }
        // After its time limit the attempt is about to end. A job that outran only the assumed length may run on without
        // any limit.
        self.limit.map(|_| now + Span::from_ms(1))
    }
}
