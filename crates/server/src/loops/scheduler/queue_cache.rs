//! TrackedJob the scheduler has read of the jobs on their way, so that a pass reads only those that have changed.
//!
//! It holds no truth: each pass asks the store for the version of every such job, and reads again whatever differs.

use std::collections::HashMap;

use trainyard_domain::{
    id::{CentreId, JobId},
    job::{Job, JobState, Status},
    queue::{Allocation, Candidate},
    reason::WaitCode,
    time::Millis,
    workers::ports_needed,
};
use trainyard_store::{RowVersion, Store};

use crate::{failure::Failure, wait_timers::Key};

/// The states of a job on its way.
const ON_ITS_WAY: [Status; 5] = [Status::Queued, Status::Starting, Status::Running, Status::Retrying, Status::Stopping];

/// TrackedJob was read, by job.
#[derive(Debug, Default)]
pub struct QueueCache(HashMap<JobId, (RowVersion, TrackedJob)>);

/// TrackedJob of a job matters to the queue.
#[derive(Debug)]
pub(super) enum TrackedJob {
    /// It waits for its turn.
    Waits(Waiting),
    /// It has an attempt on its way.
    Holds { centre: CentreId, allocation: Allocation, ports: Vec<u16> },
    /// It waits for the time of its next attempt.
    Retries(Retrying),
    /// Nothing: it has ended meanwhile.
    Nothing,
}

/// A job that waits for its next attempt, as its row says until when and for how long.
#[derive(Debug)]
pub(super) struct Retrying {
    pub(super) key: Key,
    pub(super) until: Millis,
    pub(super) delay_ms: Millis,
}

/// A job that waits for its turn.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) centre: CentreId,
    pub(super) candidate: Candidate,
    /// How many ports it needs.
    pub(super) ports: usize,
    /// The kinds of reasons that its row tells.
    pub(super) told: Vec<WaitCode>,
}

impl QueueCache {
    /// Reads whatever has changed and forgets whatever has ended.
    pub(super) async fn refresh(&mut self, store: &Store) -> Result<(), Failure> {
        let versions = store.versions_in(&ON_ITS_WAY).await?;
        let is_news = |(id, version): &&(JobId, RowVersion)| self.0.get(id).is_none_or(|(known, _)| known != version);
        let news: Vec<JobId> = versions.iter().filter(is_news).map(|(id, _)| id.clone()).collect();
        let read = store.jobs_with_versions(&news).await?;
        self.0.extend(read.into_iter().map(|(job, version)| (job.id.clone(), (version, TrackedJob::of(&job)))));
        if self.0.len() > versions.len() {
            let now: HashMap<JobId, RowVersion> = versions.into_iter().collect();
            self.0.retain(|id, _| now.contains_key(id));
        }
        Ok(())
    }

    /// All that wait for their turn.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.0.values().filter_map(|(_, what)| match what {
            TrackedJob::Waits(waiting) => Some(waiting),
            _ => None,
        })
    }

    /// A job that waits for its turn.
    pub(super) fn one_waiting(&self, id: &JobId) -> Option<&Waiting> {
        match self.0.get(id) {
            Some((_, TrackedJob::Waits(waiting))) => Some(waiting),
            _ => None,
        }
    }

    /// TrackedJob is held, where.
    pub(super) fn held(&self) -> impl Iterator<Item = (CentreId, &Allocation)> {
        self.0.values().filter_map(|(_, what)| match what {
            TrackedJob::Holds { centre, allocation, .. } => Some((*centre, allocation)),
            _ => None,
        })
    }

    /// Every port that was given to an attempt on its way.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.0.values().filter_map(|(_, what)| match what {
            TrackedJob::Holds { ports, .. } => Some(ports),
            _ => None,
        });
        ports.flatten().copied()
    }

    /// All that wait for their next attempt.
    pub(super) fn retrying(&self) -> impl Iterator<Item = &Retrying> {
        self.0.values().filter_map(|(_, what)| match what {
            TrackedJob::Retries(retrying) => Some(retrying),
            _ => None,
        })
    }
}

impl TrackedJob {
    fn of(job: &Job) -> Self {
        match &job.state {
            JobState::Queued { waiting } => Self::Waits(Waiting {
                centre: job.centre(),
                candidate: Candidate::of(job),
                ports: ports_needed(job.spec.framework, job.spec.workers),
                told: waiting.iter().map(|reason| reason.code).collect(),
            }),
            JobState::Retrying { until, delay_ms } => Self::Retries(Retrying {
                key: (job.id.clone(), job.attempt.as_ref().map_or(0, |attempt| attempt.number)),
                until: *until,
                delay_ms: *delay_ms,
            }),
            _ if job.status().is_live() => Self::Holds {
                centre: job.centre(),
                allocation: Allocation::of(job),
                ports: job.attempt.iter().flat_map(|attempt| attempt.placement.ports.iter().copied()).collect(),
            },
            _ => Self::Nothing,
        }
    }
}
