//! What the last pass of the scheduler found: the waiting reasons of all queued jobs, and their positions in the queue.
//!
//! One start moves thousands of positions, so they are kept in memory and not in rows. Every pass of the scheduler computes
//! all of them again from the rows. Before the first pass, a job shows the reasons of its row.

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

/// The waiting reasons of all queued jobs.
#[derive(Debug, Default)]
pub struct Queue(RwLock<Arc<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    jobs: HashMap<JobId, WaitingFor>,
    projects: Projects,
}

/// The project of each queued job, by which a reason may name other jobs.
#[derive(Debug, Default)]
pub struct Projects(HashMap<JobId, Arc<str>>);

impl Projects {
    /// How the reasons of one job call another one. Those who read the reasons need not see jobs of other projects.
    fn name(&self, reader: &JobId, other: &JobId) -> String {
        match (self.0.get(reader), self.0.get(other)) {
            (Some(own), Some(of)) if own == of => other.to_string(),
            _ => "a job of another project".to_owned(),
        }
    }
}

impl FromIterator<(JobId, Arc<str>)> for Projects {
    fn from_iter<I: IntoIterator<Item = (JobId, Arc<str>)>>(jobs: I) -> Self {
        Self(jobs.into_iter().collect())
    }
}

/// The reasons why one job waits.
#[derive(Clone, Debug)]
pub enum WaitingFor {
    /// The plan's answer, and the quarantined GPUs of the centre.
    Plan(Wait, Arc<[QuarantinedGpu]>),
    /// A reason outside the plan, with the job's position where it has one.
    Other(WaitingReason, Option<QueuePosition>),
}

impl WaitingFor {
    /// The kinds of reasons, without sentences.
    pub fn codes(&self) -> Vec<WaitCode> {
        match self {
            Self::Plan(wait, _) => wait.codes().collect(),
            Self::Other(reason, position) => {
                [reason.code].into_iter().chain(position.as_ref().map(QueuePosition::code)).collect()
            }
        }
    }

    /// The reasons of a job with their sentences.
    pub fn reasons(&self, job: &JobId, projects: &Projects) -> Vec<WaitingReason> {
        let name = |other: &JobId| projects.name(job, other);
        match self {
            Self::Plan(wait, quarantined) => wait.reasons(quarantined, name),
            Self::Other(reason, position) => {
                [reason.clone()].into_iter().chain(position.as_ref().map(|position| position.reason(name))).collect()
            }
        }
    }

    fn position(&mut self) -> Option<&mut QueuePosition> {
        match self {
            Self::Plan(wait, _) => wait.position.as_mut(),
            Self::Other(_, position) => position.as_mut(),
        }
    }
}

/// Renumbers a queue after a planned start was not possible, so that those jobs wait too. `order` lists the whole queue.
pub(crate) fn renumber(order: &[&JobId], waiting_for: &mut HashMap<JobId, WaitingFor>) {
    let has_position = |id: &&JobId, all: &mut HashMap<JobId, WaitingFor>| {
        all.get_mut(*id).is_some_and(|one| one.position().is_some())
    };
    let waiting: Vec<&JobId> = order.iter().copied().filter(|id| has_position(id, waiting_for)).collect();
    let total = waiting.len() as u64;
    for (number, id) in (1..).zip(&waiting) {
        if let Some(position) = waiting_for.get_mut(*id).and_then(WaitingFor::position) {
            let head = waiting.first().filter(|_| number > 1).map(|head| (*head).clone());
            let starts_within = position.starts_within.filter(|_| number == 1);
            *position = QueuePosition { number, total, head, starts_within, backfill: position.backfill.clone() };
        }
    }
}

impl Queue {
    /// Replaces the reasons of all jobs.
    pub fn replace(&self, jobs: HashMap<JobId, WaitingFor>, projects: Projects) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Waiting { jobs, projects });
    }

    /// Puts all current waiting reasons into a queued job; leaves any other job as it is.
    pub fn fill_in(&self, job: &mut Job) {
        let JobState::Queued { waiting } = &mut job.state else { return };
        let all = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let Some(found) = all.jobs.get(&job.id) else { return };
        *waiting = found.reasons(&job.id, &all.projects);
        job.reason = Reason::WaitingForResources;
        job.message = WaitingReason::all_of(waiting);
    }
}
