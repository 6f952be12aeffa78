//! A signal that says which jobs the runner must look at.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;
use trainyard_domain::id::JobId;

/// The jobs that were notified since the runner last asked. It is lost when the server ends, which costs no more than the
/// time until the next pass over all jobs.
#[derive(Debug, Default)]
pub struct JobSignal {
    jobs: Mutex<BTreeSet<JobId>>,
    changed: Notify,
}

impl JobSignal {
    /// Asks for a look at a job.
    pub fn notify(&self, job: &JobId) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(job.clone());
        self.changed.notify_one();
    }

    /// Takes all notified jobs, as soon as there is one. A call that is dropped takes none.
    pub async fn notified(&self) -> BTreeSet<JobId> {
        loop {
            let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
            if !jobs.is_empty() {
                return jobs;
            }
            self.changed.notified().await;
        }
    }
}
