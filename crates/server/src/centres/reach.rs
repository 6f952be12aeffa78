//! Whether the engine of a centre can be reached: one fact about the centre, from which its jobs show their reason.
//!
//! The fact is in memory alone. After a restart of the server the next call of the engine finds it again.

use std::sync::{PoisonError, RwLock};

use jiff::{Timestamp, tz::TimeZone};
use trainyard_domain::{
    id::CentreId,
    job::{Job, JobState},
    reason::{Reason, WaitCode, WaitingReason},
    time::WallTime,
};
use trainyard_engine::EngineError;

/// Whether the last call of an engine reached it.
#[derive(Debug)]
pub struct Reachability {
    centre: CentreId,
    lost: RwLock<Option<Lost>>,
}

/// An engine that cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lost {
    since: WallTime,
    why: String,
}

impl Reachability {
    /// An engine that has not been called yet.
    pub(super) fn new(centre: CentreId) -> Self {
        Self { centre, lost: RwLock::default() }
    }

    /// Records whether a call reached the engine.
    pub(crate) fn note<T>(&self, answer: &Result<T, EngineError>, now: WallTime) {
        match answer {
            Err(EngineError::Unreachable(why)) => self.note_lost(why, now),
            _ => self.note_reached(),
        }
    }

    fn note_lost(&self, why: &str, now: WallTime) {
        let mut lost = self.lost.write().unwrap_or_else(PoisonError::into_inner);
        let since = lost.as_ref().map_or(now, |lost| lost.since);
        if lost.is_none() {
            tracing::warn!("centre {}: its engine cannot be reached; its jobs stay as they are: {why}", self.centre);
        }
        *lost = Some(Lost { since, why: why.to_owned() });
    }

    fn note_reached(&self) {
        if !self.is_lost() {
            return;
        }
        tracing::info!("centre {}: its engine can be reached again", self.centre);
        *self.lost.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the last call did not reach the engine.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Why the shown states may be out of date, and since when, in this time zone; `None` while the engine answers.
    pub fn reason(&self, zone: &TimeZone) -> Option<WaitingReason> {
        let Lost { since, why } = self.lost.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let since = Timestamp::from_millisecond(since.as_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = since.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
        let centre = self.centre;
        let message = format!("the engine of centre {centre} has not been reachable since {since}: {why}");
        Some(WaitingReason::new(WaitCode::Engine, message))
    }

    /// Shows in a job that has not ended that its engine cannot be reached. The job's state stays as it is.
    pub(crate) fn fill_in(&self, job: &mut Job, zone: &TimeZone) {
        if job.status().has_ended() || matches!(job.state, JobState::Retrying { .. }) {
            return;
        }
        let Some(reason) = self.reason(zone) else { return };
        job.reason = Reason::EngineUnreachable;
        job.message = match job.state {
            JobState::Stopping { .. } => format!("{}; {}", job.message, reason.message),
            _ => reason.message.clone(),
        };
        if let JobState::Queued { waiting } | JobState::Pending { waiting, .. } = &mut job.state {
            *waiting = vec![reason];
        }
    }
}
