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
    job::{Job, JobState},
    queue::{QuarantinedGpu, QueuePosition, Wait},
    reason::{Reason, WaitCode, WaitingReason},
};

/// For what the waiting jobs wait.
#[derive(Debug, Default)]
pub struct Queue(RwLock<Arc<HashMap<JobId, Found>>>);

/// For what one job waits.
#[derive(Clone, Debug)]
pub enum Found {
    /// What the plan said, and the accelerators of the centre that nobody gets.
    Planned(Wait, Arc<[QuarantinedGpu]>),
    /// Something that is no matter of the plan, with its place where it has one.
    Other(WaitingReason, Option<QueuePosition>),
}

impl Found {
    /// The kinds alone.
    pub fn codes(&self) -> Vec<WaitCode> {
        match self {
            Self::Planned(wait, _) => wait.codes().collect(),
            Self::Other(reason, turn) => {
                [reason.code].into_iter().chain(turn.as_ref().map(QueuePosition::code)).collect()
            }
        }
    }

    /// With their sentences.
    pub fn reasons(&self) -> Vec<WaitingReason> {
        match self {
            Self::Planned(wait, quarantined) => wait.reasons(quarantined),
            Self::Other(reason, turn) => {
                [reason.clone()].into_iter().chain(turn.as_ref().map(QueuePosition::reason)).collect()
            }
        }
    }

    fn turn(&mut self) -> Option<&mut QueuePosition> {
        match self {
            Self::Planned(wait, _) => wait.turn.as_mut(),
            Self::Other(_, turn) => turn.as_mut(),
        }
    }
}

/// Counts the places of one queue anew, where some wait of whom the plan thought that they start.
pub(crate) fn count_places(order: &[&JobId], found: &mut HashMap<JobId, Found>) {
    let waiting: Vec<&JobId> =
        order.iter().copied().filter(|id| found.get_mut(*id).is_some_and(|one| one.turn().is_some())).collect();
    let of = waiting.len() as u64;
    for (place, id) in (1..).zip(&waiting) {
        if let Some(turn) = found.get_mut(*id).and_then(Found::turn) {
            let ahead = waiting.first().filter(|_| place > 1).map(|head| (*head).clone());
            let latest_ms = turn.latest_ms.filter(|_| place == 1);
            *turn = QueuePosition { place, of, ahead, latest_ms, passing: turn.passing.clone() };
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
