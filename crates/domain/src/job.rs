//! A job and its state machine: one enum of states, and one table of the transitions that each accepts.
//!
//! Invariant: a job's state changes only through [`Job::on`]; a transition that is not in its table is [`Illegal`]. The
//! record of the attempt changes with the job, so the two never disagree.

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

/// The state of a job. Each variant holds only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// The job waits in the queue.
    Queued {
        /// All reasons why the job waits; empty before the first pass of the scheduler.
        waiting: Vec<WaitingReason>,
    },
    /// The job waits in the queue of an engine that places jobs itself; no process of the job exists yet.
    Pending {
        /// The engine's reasons why the job waits.
        waiting: Vec<WaitingReason>,
        /// When the engine expects to start the job, if the engine says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<WallTime>,
    },
    /// The resources of the job are allocated; its workers are being started.
    Starting,
    /// All workers of the job have started.
    Running {
        /// When the last worker had started.
        since: WallTime,
    },
    /// The job waits for the time of its next attempt.
    Retrying {
        /// The planned end of the delay.
        until: WallTime,
        /// The length of the delay. If the wall clock is set meanwhile, the job waits no longer than this.
        #[serde(default = "ending::longest_delay")]
        delay_ms: Span,
    },
    /// A stop was requested; the workers have the grace to end.
    Stopping {
        /// Why the job is stopped.
        cause: StopCause,
    },
    /// The job ended by the request of a user.
    Stopped,
    /// The job ended, and every worker succeeded.
    Succeeded,
    /// The job ended, and was neither stopped by a user nor successful.
    Failed,
}

choice!(
    /// The name of a state, as lists filter by it.
    Status {
        /// The job waits in the queue.
        Queued = "Queued",
        /// The job waits in the queue of its engine. Readers see it as `Queued`.
        Pending = "Pending",
        /// The workers of the job are being started.
        Starting = "Starting",
        /// All workers of the job run.
        Running = "Running",
        /// The job waits for its next attempt.
        Retrying = "Retrying",
        /// The workers of the job are being stopped.
        Stopping = "Stopping",
        /// The job ended by the request of a user.
        Stopped = "Stopped",
        /// The job ended, and every worker succeeded.
        Succeeded = "Succeeded",
        /// The job ended, and was neither stopped by a user nor successful.
        Failed = "Failed",
    }
);

impl Status {
    /// Whether the state is final. Only a restart by a user leaves a final state.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }

    /// Whether the job has a live attempt, which the engine must observe.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Starting | Self::Running | Self::Stopping)
    }
}

impl JobState {
    /// The name of this state.
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
