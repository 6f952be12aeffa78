//! What an engine reports about attempts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trainyard_domain::{attempt::WorkerFact, id::JobId};

/// The scheduler that decides where and when a job runs: the server's or the engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// The server's: it allocates cores, memory, GPUs and ports, and launches a job when its turn has come.
    Server,
    /// The engine's own: the server hands every job over at once and only observes it.
    Engine,
}

/// Text by which an engine finds a launched attempt again. The server stores it and does not read it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub struct Handle(pub String);

/// What is true of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// It never started and nothing is about to start it. The caller launches it again.
    NotStarted,
    /// It waits in the engine's own queue. No process of it exists.
    Waiting {
        /// Why it waits, as sentences; the engine translates its own words. Empty where it does not say.
        reasons: Vec<String>,
        /// When the engine expects to start it, in Unix milliseconds, where it says so.
        expected_start_ms: Option<i64>,
    },
    /// It runs, or is starting or stopping.
    Running {
        /// Unix milliseconds; `None` until the processes of all workers exist.
        started_ms: Option<i64>,
        /// Milliseconds of running since then, by a clock that no change of the date affects; 0 before.
        running_ms: i64,
        /// By rank; empty while nothing is known of them.
        workers: Vec<WorkerFact>,
    },
    /// It is over, and no process of it exists.
    Ended {
        /// Unix milliseconds; `None` when not all workers could be started.
        started_ms: Option<i64>,
        /// Unix milliseconds.
        ended_ms: i64,
        /// Milliseconds from the start of all workers to the end, by a clock that no change of the date affects; 0 without
        /// a start.
        running_ms: i64,
        /// By rank.
        workers: Vec<WorkerFact>,
        /// The rank that failed first, if one did before a stop was requested.
        first_failure: Option<u32>,
        /// Whether [`crate::Engine::stop`] was called before any worker failed and while one still ran or waited.
        stopped: bool,
    },
    /// It is over, and how it ended is unknown.
    Lost {
        /// Why, for people.
        message: String,
        /// Milliseconds of running, as far as they can be known.
        running_ms: i64,
        /// The last known facts.
        workers: Vec<WorkerFact>,
        /// Whether the host was rebooted since.
        reboot: bool,
    },
}

/// Where something may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// In any attempt.
    Everywhere,
    /// In the attempts of these jobs.
    Of(BTreeSet<JobId>),
}
