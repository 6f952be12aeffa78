//! A bell that says at which jobs to look.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;
use trainyard_domain::id::JobId;

/// The jobs that nobody has looked at since it was rung for them. It is lost with the server, and costs no more than the
/// time until everything is looked at again.
#[derive(Debug, Default)]
pub struct JobSignal {
    jobs: Mutex<BTreeSet<JobId>>,
    rung: Notify,
}

impl JobSignal {
    /// Asks for a look at a job.
    pub fn ring(&self, job: &JobId) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone());
        self.rung.notify_one();
    }

    /// Takes all that it was rung for, as soon as there is any. Dropped, it takes nothing.
    pub async fn heard(&self) -> BTreeSet<JobId> {
        loop {
            let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
            if !jobs.is_empty() {
                return jobs;
            }
            self.rung.notified().await;
        }
    }
}
