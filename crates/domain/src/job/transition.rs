//! The transitions of a job, and what follows from one.

use serde::{Deserialize, Serialize};

use super::{Job, Note, Placement};
use crate::{
    attempt::WorkerFact,
    reason::WaitingReason,
    time::{Span, WallTime},
};

/// Why a job is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum StopCause {
    /// A user requested the stop.
    User {
        /// Name of the user.
        actor: String,
    },
    /// The running time of the job reached its time limit.
    Timeout,
}

/// An input of the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The scheduler found that the job must wait, for these reasons.
    Waiting(Vec<WaitingReason>),
    /// The scheduler allocated resources.
    Placed(Placement),
    /// The scheduler hands the job over to an engine that places jobs itself.
    HandedOver,
    /// The engine says that the job waits in the engine's own queue.
    WaitingInEngine {
        /// The reasons of the engine.
        waiting: Vec<WaitingReason>,
        /// When the engine expects to start the job, if the engine says so.
        expected_start: Option<WallTime>,
    },
    /// The engine accepted a launch.
    Launched {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The text by which the engine finds the attempt again.
        handle: String,
    },
    /// The engine says that the attempt can never run; the text says why.
    LaunchRefused(String),
    /// The engine observed the workers.
    Seen {
        /// When all workers ran; `None` while some are still starting.
        started: Option<WallTime>,
        /// The observed workers.
        workers: Vec<WorkerFact>,
    },
    /// The attempt has ended.
    AttemptEnded {
        /// When all workers ran; `None` if they never all did.
        started: Option<WallTime>,
        /// When the last process ended.
        ended: WallTime,
        /// How long the attempt ran, by the monotonic clock.
        running: Span,
        /// The facts of all workers.
        workers: Vec<WorkerFact>,
        /// The rank that failed first.
        first_failure: Option<u32>,
        /// Whether the attempt ended because of a stop request, before any worker had failed.
        stopped: bool,
    },
    /// The platform lost the attempt.
    AttemptLost {
        /// How the attempt was lost, for users.
        message: String,
        /// How long the attempt ran, as far as that is known.
        running: Span,
        /// The last known facts of the attempt's workers.
        workers: Vec<WorkerFact>,
        /// How many faults of the platform are retried.
        budget: u32,
    },
    /// A user or the time limit stops the job.
    StopRequested(StopCause),
    /// It is unknown whether the job has run meanwhile; the text says why.
    OutcomeUnknown(String),
    /// The retry delay is over.
    RetryDue,
    /// A user restarts an ended job.
    RestartRequested {
        /// Name of the user.
        actor: String,
    },
    /// A user sets another time limit.
    TimeoutSet {
        /// The limit of the running time, summed over attempts; `None` is without limit.
        seconds: Option<u64>,
        /// Name of the user.
        actor: String,
    },
}

/// The state does not accept the transition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job in state {state} does not accept the transition {event}")]
pub struct Illegal {
    /// Name of the state.
    pub state: &'static str,
    /// Name of the transition.
    pub event: String,
}

impl Illegal {
    pub(super) fn new(state: &super::JobState, event: &Transition) -> Self {
        // The name alone: the values of a transition can be long, and can hold texts that must not appear in a log.
        let whole = format!("{event:?}");
        let name = whole.split(|c: char| !c.is_alphanumeric()).next();
        Self { state: state.status().as_str(), event: name.unwrap_or_default().to_owned() }
    }
}

/// A job after a transition, with the new lines of its history.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The next value of the job.
    pub job: Job,
    /// New lines of the job's history, in order; empty if nothing changed that users follow.
    pub notes: Vec<Note>,
}
