//! The mark that every process of an attempt carries: the environment it was started with.
//!
//! It helps to tell whose a process is that has left its parents and its group. It is no proof, since a process can
//! start others with another environment, and so nothing but tidiness may hang on it.

use trainyard_domain::id::JobId;

use super::proc;

/// One attempt's mark.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    job: JobId,
    attempt: String,
}

impl Mark {
    /// The mark of this attempt.
    pub(crate) fn new(job: JobId, attempt: u32) -> Self {
        Self { job, attempt: attempt.to_string() }
    }

    /// Whether a process carries it.
    pub(crate) fn is_on(&self, pid: u32) -> bool {
        self.read(pid).is_some()
    }

    /// The rank of the worker to which a process belongs that carries it.
    pub(crate) fn rank_of(&self, pid: u32) -> Option<u32> {
        self.read(pid)?.parse().ok()
    }

    /// The rank's text of a process that carries the mark.
    fn read(&self, pid: u32) -> Option<String> {
        let names = ["TRAINYARD_JOB_ID", "TRAINYARD_ATTEMPT", "TRAINYARD_RANK"];
        let [job, attempt, rank] = proc::environment(pid, names);
        let same = job.as_deref() == Some(self.job.as_str()) && attempt.as_ref() == Some(&self.attempt);
        same.then(|| rank.unwrap_or_default())
    }
}
