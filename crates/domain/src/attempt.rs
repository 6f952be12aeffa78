//! The workers of an attempt, how each of them ended, and the outcome of the attempt that follows.

#[cfg(test)]
mod tests;

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    reason::Reason,
    time::{Span, WallTime},
};

/// How a worker's main process ended, as the engine observed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The process returned this exit status, 0 to 255.
    Code(i32),
    /// A signal of this number ended the process.
    Signal(i32),
    /// The process never ran; the text says why.
    CouldNotStart(String),
}

/// What the engine knows about one worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFact {
    /// Rank of the worker, from 0.
    pub rank: u32,
    /// Pid of the worker's main process, if that runs on this host.
    pub pid: Option<u32>,
    /// When the main process started.
    pub started_ms: Option<WallTime>,
    /// When the main process ended.
    pub ended_ms: Option<WallTime>,
    /// How the main process ended; `None` while it runs, and for a worker without a process of its own.
    pub exit: Option<Exit>,
    /// Whether the kernel killed a process of the worker for lack of memory, by the count of the worker's own memory
    /// group.
    pub oom_killed: bool,
    /// Whether the kernel counts kills for lack of memory. Only then does `oom_killed == false` exclude memory as the
    /// cause.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oom_counted: bool,
    /// The host on which the worker ran; `None` before the engine knows the host. Rows of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<WorkerHost>,
}

/// The host of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHost {
    /// The engine's name for the host.
    pub name: String,
    /// The address at which other workers reach the host, if the engine knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl WorkerFact {
    /// The fact of a worker that the engine has not observed yet.
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

/// The outcome of an ended attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every worker's main process returned 0.
    Succeeded,
    /// A worker failed; a retry may help.
    Failed(Failure),
    /// A worker could not start; a retry would not help.
    CannotStart(Failure),
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason for programs.
    pub reason: Reason,
    /// The reason for users: the rank that failed first, and how.
    pub message: String,
}

/// Exit statuses of a shell that could not execute or find the command. Soon after the start they mean that; later they
/// are the worker's own.
const CANNOT_RUN: [i32; 2] = [126, 127];
/// For how long after the start an exit status of [`CANNOT_RUN`] means that the command could not run.
const SOON: Span = Span::from_seconds(10);
/// A shell reports a child that signal `n` killed as exit status `128 + n`.
const SHELL_SIGNAL: std::ops::RangeInclusive<i32> = 129..=192;

/// Judges an ended attempt by the exits of its workers that have a process of their own. `first` is the rank that failed
/// first, as far as the engine observed it.
pub fn judge(workers: &[WorkerFact], first: Option<u32>) -> Outcome {
    first_failed(workers, first).map_or(Outcome::Succeeded, judge_worker)
}

/// The worker that failed first: the one that the engine observed, otherwise a worker that never ran, otherwise the
/// earliest end, and last a worker without a known exit.
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

/// The number of the signal that ended a process, also if a shell reported it as an exit status.
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
