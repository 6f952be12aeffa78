//! The jobs that matter to the queue, cached between passes, so that a pass reads only those that have changed.
//!
//! The cache holds no truth: each pass asks the store for the version of every such job and reads again what differs.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use trainyard_domain::{
    id::{CentreId, JobId},
    job::{Job, JobState, Status},
    queue::{Allocation, Candidate},
    reason::WaitCode,
    time::{Span, WallTime},
    workers::ports_needed,
};
use trainyard_store::{HeldResources, RowVersion, Store};

use super::super::wait_timers::AttemptKey;
use crate::{failure::Failure, secrets::NeededSecrets};

/// The states of a job that waits for the server or holds resources that the server allocates.
const TRACKED: [Status; 5] = [Status::Queued, Status::Starting, Status::Running, Status::Retrying, Status::Stopping];

/// Every job that has not ended, as it was read last.
#[derive(Debug, Default)]
pub(super) struct QueueCache(HashMap<JobId, (RowVersion, TrackedJob)>);

/// A job, as far as the scheduler needs it.
#[derive(Debug)]
enum TrackedJob {
    /// The job is queued.
    Queued(QueuedJob),
    /// It has a live attempt.
    Live(LiveJob),
    /// It waits for the time of its next attempt.
    Retrying(RetryingJob),
    /// The job has ended, or has been handed over to an engine that places jobs itself.
    Elsewhere,
}

/// What a live attempt holds.
#[derive(Debug)]
pub(super) struct LiveJob {
    /// The centre in which it runs; `None` if its row does not say it any more.
    pub(super) centre: Option<CentreId>,
    /// Its resources; `None` if its row does not say them any more.
    pub(super) allocation: Option<Allocation>,
    ports: Vec<u16>,
}

/// A job that waits for its next attempt.
#[derive(Debug)]
pub(super) struct RetryingJob {
    /// The job and the attempt that failed.
    pub(super) key: AttemptKey,
    /// The planned end of the delay, by the wall clock.
    pub(super) until: WallTime,
    /// The length of the delay.
    pub(super) delay: Span,
}

/// A job in the queue.
#[derive(Debug)]
pub(super) struct QueuedJob {
    pub(super) centre: CentreId,
    pub(super) project: Arc<str>,
    pub(super) candidate: Candidate,
    /// How many ports the next attempt of the job needs.
    pub(super) ports: usize,
    /// The secrets without which it cannot start; `None` if it needs none.
    pub(super) secrets: Option<NeededSecrets>,
    /// The kinds of waiting reasons that its row says.
    pub(super) recorded: Vec<WaitCode>,
}

impl QueueCache {
    /// Reads the jobs that have changed and forgets those that have ended. A job that cannot be read is not planned, and what
    /// its live attempt holds is not given to others.
    pub(super) async fn refresh(&mut self, store: &Store) -> Result<(), Failure> {
        let versions = store.versions_in(&TRACKED).await?;
        let is_stale = |(id, version): &&(JobId, RowVersion)| self.0.get(id).is_none_or(|(known, _)| known != version);
        let stale: Vec<JobId> = versions.iter().filter(is_stale).map(|(id, _)| id.clone()).collect();
        let read = store.jobs_with_versions(&stale).await?;
        let was_read: HashSet<JobId> = read.iter().map(|(job, _)| job.id.clone()).collect();
        self.0.extend(read.into_iter().map(|(job, version)| (job.id.clone(), (version, TrackedJob::of(&job)))));
        let unread: Vec<JobId> = stale.into_iter().filter(|id| !was_read.contains(id)).collect();
        unread.iter().for_each(|id| self.forget(id));
        let held = store.allocations_of(&unread).await?;
        let cached = versions.len() + held.len() - unread.len();
        for HeldResources { job, version, centre, allocation, ports } in held {
            self.0.insert(job, (version, TrackedJob::Live(LiveJob { centre, allocation, ports })));
        }
        if self.0.len() > cached {
            let now: HashMap<JobId, RowVersion> = versions.into_iter().collect();
            self.0.retain(|id, _| now.contains_key(id));
        }
        Ok(())
    }

    /// Removes a job, so that the next [`QueueCache::refresh`] reads it again.
    pub(super) fn forget(&mut self, id: &JobId) {
        self.0.remove(id);
    }

    /// All queued jobs, in no order.
    pub(super) fn queued(&self) -> impl Iterator<Item = &QueuedJob> {
        self.0.values().filter_map(|(_, job)| match job {
            TrackedJob::Queued(queued) => Some(queued),
            _ => None,
        })
    }

    /// What each live attempt holds.
    pub(super) fn live(&self) -> impl Iterator<Item = &LiveJob> {
        self.0.values().filter_map(|(_, job)| match job {
            TrackedJob::Live(live) => Some(live),
            _ => None,
        })
    }

    /// Every port that is reserved for a live attempt.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.live().flat_map(|live| live.ports.iter().copied())
    }

    /// All jobs that wait for their next attempt.
    pub(super) fn retrying(&self) -> impl Iterator<Item = &RetryingJob> {
        self.0.values().filter_map(|(_, job)| match job {
            TrackedJob::Retrying(retrying) => Some(retrying),
            _ => None,
        })
    }
}

impl TrackedJob {
    fn of(job: &Job) -> Self {
        match &job.state {
            JobState::Queued { waiting } => Self::Queued(QueuedJob {
                centre: job.centre(),
                project: job.project.as_str().into(),
                candidate: Candidate::of(job),
                ports: ports_needed(job.spec.framework, job.spec.workers),
                secrets: NeededSecrets::of(job),
                recorded: waiting.iter().map(|reason| reason.code).collect(),
            }),
            JobState::Retrying { until, delay_ms } => Self::Retrying(RetryingJob {
                key: (job.id.clone(), job.attempt.as_ref().map_or(0, |attempt| attempt.number)),
                until: *until,
                delay: *delay_ms,
            }),
            JobState::Pending { .. } => Self::Elsewhere,
            _ if job.status().is_live() => Self::Live(LiveJob {
                centre: Some(job.centre()),
                allocation: Some(Allocation::of(job)),
                ports: job.attempt.iter().flat_map(|attempt| attempt.placement.ports.iter().copied()).collect(),
            }),
            _ => Self::Elsewhere,
        }
    }
}
