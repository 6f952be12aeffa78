//! What is kept of a job, of its attempts and of its history.

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

/// One request to train, with its own full copy of the spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its name; need not be unique.
    pub name: String,
    /// The project it belongs to.
    pub project: String,
    /// The user who made it.
    pub owner: String,
    /// The template and its version, where it was made from one.
    pub template: Option<(TemplateId, u32)>,
    /// The effective spec under the published field names.
    pub document: Document,
    /// The source of each leaf of the document, as text.
    pub provenance: BTreeMap<String, String>,
    /// The meaning of the document.
    pub spec: JobSpec,
    /// When it was made.
    pub created: WallTime,
    /// Since when it waits for its turn: when it was made, or was last restarted by a person. A further attempt by
    /// itself does not begin anew.
    pub queued: WallTime,
    /// When its first attempt's workers first ran.
    pub started: Option<WallTime>,
    /// When it ended.
    pub ended: Option<WallTime>,
    /// Where it is in its life.
    pub state: JobState,
    /// Why it is there.
    pub reason: Reason,
    /// The same as a sentence.
    pub message: String,
    /// Further attempts used, by whose fault.
    pub retries: RetryCounts,
    /// Running time of the attempts that have ended.
    pub ran: Span,
    /// Its latest attempt.
    pub attempt: Option<Attempt>,
}

impl Job {
    /// The name of its state.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The centre it runs on.
    pub fn centre(&self) -> CentreId {
        self.spec.centre
    }
}

/// Further attempts used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryCounts {
    /// After faults of the job itself, against `maxRetryCount`.
    pub job: u32,
    /// After faults of the platform, against the platform's own budget.
    pub platform: u32,
}

/// One try: all its workers start together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Where its workers are and what is reserved for them.
    pub placement: Placement,
    /// By what the engine finds it again; `None` until it was launched.
    pub handle: Option<String>,
    /// Its own state, in the words of a job's.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// The same as a sentence.
    pub message: String,
    /// When it was placed.
    pub placed: WallTime,
    /// When all its workers ran.
    pub started: Option<WallTime>,
    /// When it was over.
    pub ended: Option<WallTime>,
    /// Its workers, by rank.
    pub workers: Vec<AttemptWorker>,
}

/// One worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptWorker {
    /// The name by which it is addressed.
    pub pod_name: String,
    /// Its state, in the words of a job's.
    pub status: Status,
    /// Whether it has a process of its own; else it shows its launcher's state.
    pub own_process: bool,
    /// What the engine knows of it.
    pub fact: WorkerFact,
}

/// Where an attempt's workers are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// By rank.
    pub workers: Vec<WorkerPlace>,
    /// Ports reserved for the attempt, in the order in which the launch takes them.
    pub ports: Vec<u16>,
}

/// Where one worker is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPlace {
    /// The accelerators it alone may use, by their index on the host.
    pub gpus: Vec<u32>,
}

/// One line of a job's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What happened, as a word: the state that was reached or what was done.
    pub kind: String,
    /// Why.
    pub reason: Reason,
    /// The same as a sentence.
    pub message: String,
    /// Who caused it: a user, or `system`.
    pub actor: String,
}
