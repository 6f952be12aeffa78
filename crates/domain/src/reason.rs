//! Why a job is in its state, and why a queued job waits: a code for programs and a message for users.
//!
//! The codes are part of the wire contract and of stored rows.

use serde::{Deserialize, Serialize};

use crate::choice::choice;

choice!(
    /// Why a job is in its state; programs read this, users read the message beside it.
    Reason {
        /// The job was just created.
        Submitted = "Submitted",
        /// The job waits in the queue.
        WaitingForResources = "WaitingForResources",
        /// The resources of the job are allocated, and its workers are being started.
        Placed = "Placed",
        /// All workers of the job run.
        WorkersRunning = "WorkersRunning",
        /// The delay before the next attempt is over.
        RetryDue = "RetryDue",
        /// A user restarted the job after its end.
        Restarted = "Restarted",
        /// A user set another time limit.
        TimeoutChanged = "TimeoutChanged",
        /// Every worker returned 0.
        Completed = "Completed",
        /// A user stopped the job.
        StoppedByUser = "StoppedByUser",
        /// The running time of the job reached its time limit.
        TimedOut = "TimedOut",
        /// A worker returned a status other than 0.
        WorkerFailed = "WorkerFailed",
        /// A worker was killed by a signal.
        Killed = "Killed",
        /// A worker ran out of memory.
        OutOfMemory = "OutOfMemory",
        /// The command does not exist or cannot be executed.
        CommandNotFound = "CommandNotFound",
        /// A worker could not be started at all.
        CannotStart = "CannotStart",
        /// The platform lost the attempt, and no retry is configured.
        WorkerLost = "WorkerLost",
        /// The platform failed more often than its budget allows.
        PlatformFault = "PlatformFault",
        /// The engine of the job's centre cannot be reached, so the shown state may be out of date.
        EngineUnreachable = "EngineUnreachable",
    }
);

choice!(
    /// Why a queued job waits.
    WaitCode {
        /// Too few free cores.
        Cpu = "WaitingForCpu",
        /// Too little free memory.
        Memory = "WaitingForMemory",
        /// Too few free accelerators.
        Gpu = "WaitingForGpu",
        /// The job is the head of the queue and waits only for running jobs.
        Head = "FirstInQueue",
        /// Other jobs are ahead of this one in the queue.
        QueuePosition = "AheadInQueue",
        /// Too few free ports on the host.
        Ports = "WaitingForPorts",
        /// Too little free space in the data directory.
        Disk = "WaitingForDisk",
        /// The engine of the centre cannot be reached.
        Engine = "EngineUnreachable",
        /// The engine of the centre places jobs itself and has not started this one yet.
        EngineQueue = "WaitingInEngineQueue",
        /// A secret that it needs does not exist, or the server cannot open it.
        Secret = "WaitingForSecret",
        /// The centre is no longer in the configuration.
        Centre = "CentreUnknown",
        /// The centre has become too small for the job.
        TooSmall = "CentreTooSmall",
    }
);

impl WaitCode {
    /// Whether the reason stays while other jobs start and end. Only such a reason gets a line in the history.
    fn is_lasting(self) -> bool {
        match self {
            Self::Cpu | Self::Memory | Self::Gpu | Self::QueuePosition => false,
            Self::Head
            | Self::Ports
            | Self::Disk
            | Self::Engine
            | Self::EngineQueue
            | Self::Secret
            | Self::Centre
            | Self::TooSmall => true,
        }
    }

    /// Whether the reasons of kinds that last differ from the recorded ones, or none is recorded yet.
    pub fn differ(recorded: &[Self], now: impl Iterator<Item = Self>) -> bool {
        recorded.is_empty()
            || !now.filter(|code| code.is_lasting()).eq(recorded.iter().copied().filter(|c| c.is_lasting()))
    }
}

/// One reason why a job waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingReason {
    /// The reason for programs.
    pub code: WaitCode,
    /// The reason for users, with amounts, position, or cause.
    pub message: String,
}

impl WaitingReason {
    /// A reason with this code and message.
    pub fn new(code: WaitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// All messages in one line.
    pub fn all_of(reasons: &[Self]) -> String {
        reasons.iter().map(|reason| reason.message.as_str()).collect::<Vec<_>>().join("; ")
    }
}
