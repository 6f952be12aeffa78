//! The jobs of a centre with a live attempt: the input of the runner, also where a row cannot be read as a whole.

use serde::Deserialize;
use trainyard_domain::{
    id::{CentreId, JobId},
    job::{Job, Status},
};

use super::record::{ATTEMPTS, JOBS, job_columns, job_of};
use crate::{
    Store, StoreError,
    rows::{Fields, Row},
    sql::{Sql, sql, statement},
};

/// The jobs of a centre that may have processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveJobs {
    /// Those that can be read, oldest first.
    pub jobs: Vec<Job>,
    /// The others, as far as the engine can find their attempts.
    pub unreadable: Vec<UnreadableJob>,
}

/// A job with a live attempt whose row cannot be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableJob {
    /// The id of the job.
    pub id: JobId,
    /// The engine's handle of its latest attempt.
    pub handle: String,
    /// Whether its stop was requested before.
    pub is_stopping: bool,
    /// The time between SIGTERM and SIGKILL in seconds, where that can be read.
    pub stop_grace_seconds: Option<u32>,
}

/// The part of a spec that a stop needs.
#[derive(Deserialize)]
struct Grace {
    stop_grace_seconds: u32,
}

enum Read {
    Whole(Box<Job>),
    Part(Option<UnreadableJob>, StoreError),
}

impl Store {
    /// All jobs of a centre that wait in its engine's queue, start, run or stop. The log names those that cannot be read once.
    pub async fn live_jobs_of(&self, centre: CentreId) -> Result<LiveJobs, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT j.status, ",
            job_columns!(),
            " FROM jobs j LEFT JOIN job_specs s ON s.job_id = j.id \
             LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempt \
             WHERE j.status IN ('Pending', 'Starting', 'Running', 'Stopping') AND j.centre = $1 ORDER BY j.created, j.id"
        );
        let mut live = LiveJobs::default();
        for read in self.readers().rows(statement(SELECT).bind(centre.0), read).await? {
            match read {
                Read::Whole(job) => live.jobs.push(*job),
                Read::Part(part, error) => {
                    self.unreadable().report(&error);
                    live.unreadable.extend(part);
                }
            }
        }
        Ok(live)
    }
}

fn read(row: &Row<'_>) -> Result<Read, StoreError> {
    match job_of(row) {
        Ok(job) => Ok(Read::Whole(Box::new(job))),
        Err(error @ StoreError::UnreadableRow { .. }) => Ok(Read::Part(part(row).ok().flatten(), error)),
        Err(error) => Err(error),
    }
}

/// What can be read of a job; `None` if its attempt has no handle yet.
fn part(row: &Row<'_>) -> Result<Option<UnreadableJob>, StoreError> {
    let (job, attempt) = (Fields::of(&JOBS, row), Fields::of(&ATTEMPTS, row));
    let Some(handle) = attempt.get::<Option<String>>("handle")? else { return Ok(None) };
    Ok(Some(UnreadableJob {
        id: job.parsed("id")?,
        handle,
        is_stopping: job.word("status", Status::parse)? == Status::Stopping,
        stop_grace_seconds: job.json("spec").ok().map(|Grace { stop_grace_seconds }| stop_grace_seconds),
    }))
}
