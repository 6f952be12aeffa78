//! What the last look at the queue found: for what each waiting job waits, and its place.
//!
//! One start moves thousands of places, so they are not written down. All this is made anew by every pass of the
//! scheduler from the rows; until the first one has been, a job shows what its row says.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use trainyard_domain::{
    id::JobId,
    job::{Job, JobState, Reason},
    queue::{Wait, WaitCode, WaitingReason},
};

/// For what the waiting jobs wait.
#[derive(Debug, Default)]
pub struct Queue(RwLock<Arc<HashMap<JobId, Found>>>);

/// For what one job waits.
#[derive(Clone, Debug)]
pub enum Found {
    /// What the plan said.
    Planned(Wait),
    /// Something that is no matter of the plan.
    Other(WaitingReason),
}

impl Found {
    /// The kinds alone.
    pub fn codes(&self) -> Vec<WaitCode> {
        match self {
            Self::Planned(wait) => wait.codes().collect(),
            Self::Other(reason) => vec![reason.code],
        }
    }

    /// With their sentences.
    pub fn reasons(&self) -> Vec<WaitingReason> {
        match self {
            Self::Planned(wait) => wait.reasons(),
            Self::Other(reason) => vec![reason.clone()],
        }
    }
}

impl Queue {
    /// Replaces all that was found before.
    pub fn found(&self, all: HashMap<JobId, Found>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(all);
    }

    /// A job that waits, with all that it waits for now; any other as it is.
    pub fn fill_in(&self, job: &mut Job) {
        let JobState::Queued { waiting } = &mut job.state else { return };
        let all = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let Some(found) = all.get(&job.id) else { return };
        *waiting = found.reasons();
        job.reason = Reason::WaitingForResources;
        job.message = WaitingReason::all_of(waiting);
    }
}
