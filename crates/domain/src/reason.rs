//! Why a job is in its state, and what a queued job waits for: a code for programs and a sentence for people.

use serde::{Deserialize, Serialize};

use crate::choice::choice;

choice!(
    /// Why a job is in its state; programs read this, people read the sentence beside it.
    Reason {
        /// It was just made.
        Submitted = "Submitted",
        /// It waits for resources.
        WaitingForResources = "WaitingForResources",
        /// It has its place and is being started.
        Placed = "Placed",
        /// All workers run.
        WorkersRunning = "WorkersRunning",
        /// The delay before its next attempt is over.
        RetryDue = "RetryDue",
        /// A person had it run once more after its end.
        Restarted = "Restarted",
        /// A person gave it another limit of running time.
        TimeoutChanged = "TimeoutChanged",
        /// Every worker ended well.
        Completed = "Completed",
        /// A person stopped it.
        StoppedByUser = "StoppedByUser",
        /// Its running time reached its limit.
        TimedOut = "TimedOut",
        /// A worker returned a status other than 0.
        WorkerFailed = "WorkerFailed",
        /// A worker was killed by a signal.
        Killed = "Killed",
        /// A worker ran out of memory.
        OutOfMemory = "OutOfMemory",
        /// The command is not there or is no program.
        CommandNotFound = "CommandNotFound",
        /// A worker could not be started at all.
        CannotStart = "CannotStart",
        /// The platform lost a worker, and no retry was asked for.
        WorkerLost = "WorkerLost",
        /// The platform failed more often than its own budget allows.
        PlatformFault = "PlatformFault",
        /// The engine of its centre cannot be reached, so nothing new is known of it.
        EngineUnreachable = "EngineUnreachable",
    }
);

choice!(
    /// What a job waits for.
    WaitCode {
        /// Cores.
        Cpu = "WaitingForCpu",
        /// Memory.
        Memory = "WaitingForMemory",
        /// Accelerators.
        Gpu = "WaitingForGpu",
        /// Nobody but what runs: it is the first of the queue.
        Head = "FirstInQueue",
        /// Its turn.
        QueuePosition = "AheadInQueue",
        /// Ports of this host.
        Ports = "WaitingForPorts",
        /// Free space in the data directory.
        Disk = "WaitingForDisk",
        /// The engine of the centre cannot be reached.
        Engine = "EngineUnreachable",
        /// The engine of the centre places jobs itself and has not started it yet.
        EngineQueue = "WaitingInEngineQueue",
        /// The centre is no longer in the configuration.
        Centre = "CentreUnknown",
        /// The centre has become too small for it.
        TooSmall = "CentreTooSmall",
    }
);

impl WaitCode {
    /// Whether it stays as it is while others come and go: only that is worth a line in a job's history.
    fn is_standing(self) -> bool {
        !matches!(self, Self::Cpu | Self::Memory | Self::Gpu | Self::QueuePosition)
    }

    /// Whether somebody who was told those reasons would want to know of these.
    pub fn is_news(told: &[Self], now: impl Iterator<Item = Self>) -> bool {
        told.is_empty() || !now.filter(|code| code.is_standing()).eq(told.iter().copied().filter(|c| c.is_standing()))
    }
}

/// One thing that a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingReason {
    /// What.
    pub code: WaitCode,
    /// How much is missing, or who is ahead, as a sentence.
    pub message: String,
}

impl WaitingReason {
    /// A reason from its code and sentence.
    pub fn new(code: WaitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// All of them in one line.
    pub fn all_of(reasons: &[Self]) -> String {
        reasons.iter().map(|reason| reason.message.as_str()).collect::<Vec<_>>().join("; ")
    }
}
