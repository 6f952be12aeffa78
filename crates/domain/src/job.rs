//! A job and its life: one enum of states and one table of what may happen in each.
//!
//! Invariant: a job's state changes only through [`Job::on`]; what is not listed there is [`Illegal`]. An attempt's
//! record changes with it, so the two never disagree.

mod ending;
mod life;
mod record;
#[cfg(test)]
mod tests;
mod transition;
mod user_requests;

pub use ending::DEFAULT_PLATFORM_RETRIES;
pub use life::SYSTEM;
pub use record::{Attempt, AttemptWorker, Job, Note, Placement, RetryCounts, WorkerPlace};
pub use transition::{Changed, Illegal, StopCause, Transition};

use serde::{Deserialize, Serialize};

use crate::{
    choice::choice,
    reason::WaitingReason,
    time::{Span, WallTime},
};

/// Where a job is in its life. Each variant carries only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// Waits for resources, for the listed reasons.
    Queued {
        /// All that it waits for.
        waiting: Vec<WaitingReason>,
    },
    /// Handed over to an engine that places jobs itself; no process of it exists yet.
    Pending {
        /// Why it waits, as the engine says.
        waiting: Vec<WaitingReason>,
        /// When the engine expects to start it, where the engine says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<WallTime>,
    },
    /// Placed; its workers are being started.
    Starting,
    /// All its workers have started.
    Running {
        /// When the last of them had.
        since: WallTime,
    },
    /// Waits for the time of its next attempt.
    Retrying {
        /// When that is.
        until: WallTime,
        /// How long it was to wait: where the clock was set meanwhile, no longer than that.
        #[serde(default = "ending::longest_delay")]
        delay_ms: Span,
    },
    /// Asked to end; its workers have their grace.
    Stopping {
        /// Why.
        cause: StopCause,
    },
    /// Ended because a person asked for it.
    Stopped,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
}

choice!(
    /// The name of a state, by which jobs are listed.
    Status {
        /// Waits for resources.
        Queued = "Queued",
        /// Waits in the queue of its engine. Readers see it as `Queued`.
        Pending = "Pending",
        /// Its workers are being started.
        Starting = "Starting",
        /// Its workers run.
        Running = "Running",
        /// Waits for its next attempt.
        Retrying = "Retrying",
        /// Is being ended.
        Stopping = "Stopping",
        /// Ended by a person.
        Stopped = "Stopped",
        /// Ended well.
        Succeeded = "Succeeded",
        /// Ended badly.
        Failed = "Failed",
    }
);

impl Status {
    /// Whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }

    /// Whether an attempt is on its way, so that the engine must be asked about it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Starting | Self::Running | Self::Stopping)
    }
}

impl JobState {
    /// Its name.
    pub fn status(&self) -> Status {
        match self {
            Self::Queued { .. } => Status::Queued,
            Self::Pending { .. } => Status::Pending,
            Self::Starting => Status::Starting,
            Self::Running { .. } => Status::Running,
            Self::Retrying { .. } => Status::Retrying,
            Self::Stopping { .. } => Status::Stopping,
            Self::Stopped => Status::Stopped,
            Self::Succeeded => Status::Succeeded,
            Self::Failed => Status::Failed,
        }
    }
}
