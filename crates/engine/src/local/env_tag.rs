//! The environment tag of an attempt: variables that every worker starts with and that its children inherit.
//!
//! The tag shows which attempt a process belongs to, even if it has left its parents and its control group. The tag is no
//! proof, since a process can start others with another environment. So only the cleanup of processes may depend on it.

use trainyard_domain::id::JobId;

use super::proc;

/// The tag of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct EnvTag {
    job: JobId,
    attempt: String,
}

impl EnvTag {
    /// The tag of attempt number `attempt` of a job.
    pub(crate) fn new(job: JobId, attempt: u32) -> Self {
        Self { job, attempt: attempt.to_string() }
    }

    /// Whether a process carries the tag.
    pub(crate) fn is_on(&self, pid: u32) -> bool {
        self.read(pid).is_some()
    }

    /// The rank of the worker that a process belongs to, if the process carries the tag.
    pub(crate) fn rank_of(&self, pid: u32) -> Option<u32> {
        self.read(pid)?.parse().ok()
    }

    /// The value of the rank variable, if the process carries the tag; empty if the variable is missing.
    fn read(&self, pid: u32) -> Option<String> {
        let names = ["TRAINYARD_JOB_ID", "TRAINYARD_ATTEMPT", "TRAINYARD_RANK"];
        let [job, attempt, rank] = proc::environment(pid, names);
        let is_same = job.as_deref() == Some(self.job.as_str()) && attempt.as_ref() == Some(&self.attempt);
        is_same.then(|| rank.unwrap_or_default())
    }
}
