//! One try of a job: its workers, how each ended, and what that says about the whole.

#[cfg(test)]
mod tests;

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    reason::Reason,
    time::{Span, WallTime},
};

/// How a worker's main process ended, as the engine saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this status (0 to 255).
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It never ran; the sentence says why.
    CouldNotStart(String),
}

/// What the engine knows about one worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFact {
    /// Rank, from 0.
    pub rank: u32,
    /// The main process, where there is one on this host.
    pub pid: Option<u32>,
    /// Unix milliseconds of the start.
    pub started_ms: Option<WallTime>,
    /// Unix milliseconds of the end.
    pub ended_ms: Option<WallTime>,
    /// How it ended; `None` while it runs or where it has no process of its own.
    pub exit: Option<Exit>,
    /// Whether an out-of-memory kill was counted in the worker's own memory group.
    pub oom_killed: bool,
    /// Whether such kills were counted at all, so that none means that memory was not the cause.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oom_counted: bool,
    /// The host that it ran on; `None` before its engine knows it. Rows of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<WorkerHost>,
}

/// The host of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHost {
    /// The name by which the engine knows it.
    pub name: String,
    /// The address at which other workers reach it, where the engine knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl WorkerFact {
    /// A worker of which nothing is known yet.
    pub fn unknown(rank: u32) -> Self {
        Self {
            rank,
            pid: None,
            started_ms: None,
            ended_ms: None,
            exit: None,
            oom_killed: false,
            oom_counted: false,
            host: None,
        }
    }
}

/// What an ended attempt says about its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every worker's main process returned 0.
    Succeeded,
    /// A worker failed, and how; a retry may help.
    Failed(Failure),
    /// It can never run as it is; a retry would not help.
    CannotStart(Failure),
}

/// Why an attempt failed: a code for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub reason: Reason,
    /// The rank that failed first and how.
    pub message: String,
}

/// Statuses by which a shell says that a command could not be run or found, and only soon after its start.
const CANNOT_RUN: [i32; 2] = [126, 127];
/// How soon after the start those statuses mean the command itself.
const SOON: Span = Span::from_seconds(10);
/// A shell reports a child killed by signal `n` as `128 + n`.
const SHELL_SIGNAL: std::ops::RangeInclusive<i32> = 129..=192;

/// Judges an ended attempt by the exits of its workers that have a process of their own; `first` is the rank that the
/// engine saw fail first.
pub fn judge(workers: &[WorkerFact], first: Option<u32>) -> Outcome {
    first_failed(workers, first).map_or(Outcome::Succeeded, judge_worker)
}

/// The worker that failed first: the one the engine saw, else one that never ran, else the earliest, and last one of
/// which no exit is known.
pub(crate) fn first_failed(workers: &[WorkerFact], first: Option<u32>) -> Option<&WorkerFact> {
    let order = |worker: &&WorkerFact| match worker.exit {
        Some(Exit::CouldNotStart(_)) => (0, 0),
        Some(_) => (1, worker.ended_ms.map_or(i64::MAX, WallTime::as_ms)),
        None => (2, 0),
    };
    let failed = || workers.iter().filter(|worker| worker.exit != Some(Exit::Code(0)));
    failed().find(|worker| Some(worker.rank) == first).or_else(|| failed().min_by_key(order))
}

fn judge_worker(worker: &WorkerFact) -> Outcome {
    let rank = worker.rank;
    let failed = |reason, message| Outcome::Failed(Failure { reason, message });
    if worker.oom_killed {
        return failed(Reason::OutOfMemory, format!("rank {rank} ran out of memory and was killed"));
    }
    let soon = match (worker.started_ms, worker.ended_ms) {
        (Some(start), Some(end)) => end - start <= SOON,
        _ => false,
    };
    match worker.exit.as_ref() {
        Some(Exit::CouldNotStart(why)) => Outcome::CannotStart(Failure {
            reason: Reason::CannotStart,
            message: format!("rank {rank} could not start: {why}"),
        }),
        Some(Exit::Code(code)) if CANNOT_RUN.contains(code) && soon => {
            let why = if *code == 127 { "the command was not found" } else { "the command could not be run" };
            let message = format!("rank {rank} exited with status {code}: {why}; see its log");
            Outcome::CannotStart(Failure { reason: Reason::CommandNotFound, message })
        }
        Some(Exit::Code(code)) if SHELL_SIGNAL.contains(code) => killed(worker, code - 128),
        Some(Exit::Code(code)) => failed(Reason::WorkerFailed, format!("rank {rank} exited with status {code}")),
        Some(Exit::Signal(signal)) => killed(worker, *signal),
        None => failed(Reason::WorkerFailed, format!("rank {rank} left no exit status")),
    }
}

fn killed(worker: &WorkerFact, signal: i32) -> Outcome {
    let (rank, name) = (worker.rank, signal_name(signal));
    let may_be_memory = signal == 9 && !worker.oom_counted;
    let hint = if may_be_memory { "; running out of memory is one possible cause" } else { "" };
    let message = format!("rank {rank} was killed by signal {signal} ({name}){hint}");
    Outcome::Failed(Failure { reason: Reason::Killed, message })
}

/// The signal that an exit means: a signal itself, or the status by which a shell reports one.
pub fn exit_signal(exit: &Exit) -> Option<i32> {
    match exit {
        Exit::Signal(signal) => Some(*signal),
        Exit::Code(code) if SHELL_SIGNAL.contains(code) => Some(code - 128),
        _ => None,
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        16 => "SIGSTKFLT",
        17 => "SIGCHLD",
        18 => "SIGCONT",
        19 => "SIGSTOP",
        20 => "SIGTSTP",
        21 => "SIGTTIN",
        22 => "SIGTTOU",
        23 => "SIGURG",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        26 => "SIGVTALRM",
        27 => "SIGPROF",
        28 => "SIGWINCH",
        29 => "SIGIO",
        30 => "SIGPWR",
        31 => "SIGSYS",
        _ => "a real-time signal",
    }
}
