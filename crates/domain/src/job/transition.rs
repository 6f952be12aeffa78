//! What happens to a job, and what comes of it.

use serde::{Deserialize, Serialize};

use super::{Job, Note, Placement};
use crate::{
    attempt::WorkerFact,
    reason::WaitingReason,
    time::{Span, WallTime},
};

/// Why a job was asked to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum StopCause {
    /// A person asked.
    User {
        /// Who.
        actor: String,
    },
    /// Its running time reached its limit.
    Timeout,
}

/// Something that happens to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The queue found that it must wait, and why.
    Waits(Vec<WaitingReason>),
    /// The queue gave it its place.
    Placed(Placement),
    /// The queue hands it over to an engine that places jobs itself.
    HandedOver,
    /// The engine says that it waits in the engine's own queue.
    WaitsInEngine {
        /// Why it waits.
        waiting: Vec<WaitingReason>,
        /// When the engine expects to start it, where the engine says so.
        expected_start: Option<WallTime>,
    },
    /// The engine took the attempt of this number over; the text finds it again.
    Launched {
        /// The attempt.
        attempt: u32,
        /// The engine's handle.
        handle: String,
    },
    /// The engine says that this can never run.
    LaunchRefused(String),
    /// The engine sees the workers.
    Seen {
        /// When all of them ran; `None` while some are still starting.
        started: Option<WallTime>,
        /// Each of them.
        workers: Vec<WorkerFact>,
    },
    /// The attempt is over.
    AttemptEnded {
        /// When all of its workers ran.
        started: Option<WallTime>,
        /// When it was over.
        ended: WallTime,
        /// How long it ran, by the monotonic clock.
        running: Span,
        /// Each worker.
        workers: Vec<WorkerFact>,
        /// The rank that failed first.
        first_failure: Option<u32>,
        /// Whether it ended because it was asked to, before any worker had failed.
        stopped: bool,
    },
    /// The platform lost the attempt.
    AttemptLost {
        /// How.
        message: String,
        /// How long it ran, as far as that can be known.
        running: Span,
        /// What was last known of its workers.
        workers: Vec<WorkerFact>,
        /// How often the platform may fail one job.
        budget: u32,
    },
    /// Somebody or something wants it to end.
    StopRequested(StopCause),
    /// Nobody can say whether it has run meanwhile; the text says why.
    Unaccounted(String),
    /// The time of its next attempt has come.
    RetryDue,
    /// A person wants it to run once more after its end.
    RestartRequested {
        /// Who.
        actor: String,
    },
    /// A person gives it another limit of running time.
    TimeoutSet {
        /// The limit, summed over attempts; `None` is without end.
        seconds: Option<u64>,
        /// Who.
        actor: String,
    },
}

/// The event cannot happen in this state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {state} cannot take the event {event}")]
pub struct Illegal {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: String,
}

impl Illegal {
    pub(super) fn new(state: &super::JobState, event: &Transition) -> Self {
        // The name alone: what an event carries can be long, and can hold what users would not see in a log.
        let whole = format!("{event:?}");
        let name = whole.split(|c: char| !c.is_alphanumeric()).next();
        Self { state: state.status().as_str(), event: name.unwrap_or_default().to_owned() }
    }
}

/// A job after an event, with what its history gains.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The job as it is now.
    pub job: Job,
    /// New lines of its history, in order; none where nothing changed that people follow.
    pub notes: Vec<Note>,
}
