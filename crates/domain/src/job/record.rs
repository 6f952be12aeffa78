//! The records of jobs and attempts, and the lines of a job's history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{JobState, Status};
use crate::{
    attempt::WorkerFact,
    document::Document,
    id::{CentreId, JobId, TemplateId},
    job_spec::JobSpec,
    reason::Reason,
    time::{Span, WallTime},
};

/// A job with its own full copy of the spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Id of the job; never used again.
    pub id: JobId,
    /// Name; need not be unique.
    pub name: String,
    /// The project of the job.
    pub project: String,
    /// The user that created the job.
    pub owner: String,
    /// The template and its version, if the job was created from one.
    pub template: Option<(TemplateId, u32)>,
    /// The effective spec under the published field names.
    pub document: Document,
    /// The source of each leaf of the document, as text.
    pub provenance: BTreeMap<String, String>,
    /// The checked meaning of the document.
    pub spec: JobSpec,
    /// When the job was created.
    pub created: WallTime,
    /// When the job entered the queue: at its creation or its last restart by a user. An automatic retry keeps this
    /// time.
    pub queued: WallTime,
    /// When all workers of the first attempt ran.
    pub started: Option<WallTime>,
    /// When the job reached a final state.
    pub ended: Option<WallTime>,
    /// Present state.
    pub state: JobState,
    /// Why the job is in this state.
    pub reason: Reason,
    /// The reason as a sentence for users.
    pub message: String,
    /// Retries used so far.
    pub retries: RetryCounts,
    /// Running time of the attempts that have ended.
    pub ran: Span,
    /// The latest attempt; `None` before the first.
    pub attempt: Option<Attempt>,
}

impl Job {
    /// The name of the job's state.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The compute centre in which the job runs.
    pub fn centre(&self) -> CentreId {
        self.spec.centre
    }
}

/// Retries used so far, by the cause of the failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryCounts {
    /// Retries after failures of the job itself; limited by `maxRetryCount`.
    pub job: u32,
    /// Retries after faults of the platform; limited by a budget of the server.
    pub platform: u32,
}

/// One attempt of a job: all its workers start together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Number of the attempt within its job, from 1.
    pub number: u32,
    /// The resources of the attempt's workers.
    pub placement: Placement,
    /// The text by which the engine finds the attempt again; `None` before the launch.
    pub handle: Option<String>,
    /// The state of the attempt, with the names of a job's states.
    pub status: Status,
    /// Why the attempt is in this state.
    pub reason: Reason,
    /// The reason as a sentence for users.
    pub message: String,
    /// When the resources were allocated.
    pub placed: WallTime,
    /// When all workers ran.
    pub started: Option<WallTime>,
    /// When the last process ended.
    pub ended: Option<WallTime>,
    /// All workers, by rank.
    pub workers: Vec<AttemptWorker>,
}

/// One worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptWorker {
    /// The name under which users and the API address it.
    pub pod_name: String,
    /// The state of the worker, with the names of a job's states.
    pub status: Status,
    /// Whether the worker has a process of its own; otherwise it shows the state of its launcher.
    pub own_process: bool,
    /// What the engine knows about the worker.
    pub fact: WorkerFact,
}

/// The resources of an attempt's workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The workers' own resources, by rank.
    pub workers: Vec<WorkerPlace>,
    /// Ports reserved for the attempt, in the order in which the launch uses them.
    pub ports: Vec<u16>,
}

/// The resources of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPlace {
    /// The accelerators that only this worker may use, by their index on the host.
    pub gpus: Vec<u32>,
}

/// One line of a job's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// One word: the state that was reached, or what was done.
    pub kind: String,
    /// Why the state was reached, or the action was done.
    pub reason: Reason,
    /// The reason as a sentence for users.
    pub message: String,
    /// The user that caused the entry, or `system`.
    pub actor: String,
}
