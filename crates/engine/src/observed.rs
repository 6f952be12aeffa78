//! What an engine reports about attempts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trainyard_domain::{
    attempt::WorkerFact,
    id::JobId,
    time::{Span, WallTime},
};

/// The scheduler that decides where and when a job runs: the server's or the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// The server's scheduler: it allocates cores, memory, GPUs and ports, and the server then launches the job.
    Server,
    /// The engine's own scheduler: the server hands every job over at once and only observes it.
    Engine,
}

/// Text by which an engine finds a launched attempt again. The server stores it and does not read it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub struct Handle(pub String);

/// The present state of an attempt, as its engine observes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The attempt never started, and no process is about to start it. The caller launches it again.
    NotStarted,
    /// The attempt waits in the engine's own queue. None of its processes exists.
    Waiting {
        /// Why the attempt waits, as sentences; the engine translates its own words. Empty if the engine gives no
        /// reason.
        reasons: Vec<String>,
        /// When the engine expects to start the attempt, if the engine says so.
        expected_start: Option<WallTime>,
    },
    /// The attempt runs, or is starting or stopping.
    Running {
        /// When all workers ran; `None` until the processes of all workers exist.
        started: Option<WallTime>,
        /// The running time since then, by a clock that no change of the date affects; zero before.
        running: Span,
        /// The workers by rank; empty while they are unknown.
        workers: Vec<WorkerFact>,
    },
    /// The attempt has ended, and none of its processes exists.
    Ended {
        /// When all workers ran; `None` when not all workers could be started.
        started: Option<WallTime>,
        /// When the last process of the attempt ended.
        ended: WallTime,
        /// The time from the start of all workers to the end, by a clock that no change of the date affects; zero without a
        /// start.
        running: Span,
        /// The workers by rank.
        workers: Vec<WorkerFact>,
        /// The rank that failed first, if one did before a stop was requested.
        first_failure: Option<u32>,
        /// Whether [`crate::Engine::stop`] was called before any worker failed, while a worker still ran or waited.
        stopped: bool,
    },
    /// The attempt is over, and how it ended is unknown.
    Lost {
        /// Why the attempt is lost, for users.
        message: String,
        /// The running time, as far as it is known.
        running: Span,
        /// The last known facts about the workers.
        workers: Vec<WorkerFact>,
        /// Whether the host was rebooted since.
        reboot: bool,
    },
}

/// Which attempts may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// Any attempt may have changed.
    Everywhere,
    /// Only attempts of these jobs may have changed.
    Of(BTreeSet<JobId>),
}
