//! Where a worker's log lies and whether it still grows.

use std::path::PathBuf;

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::Job,
    launch::worker_names,
};

use crate::{App, failure::Failure, jobs::find};

/// The log of one worker in one attempt.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The job.
    pub job: Job,
    /// Which attempt.
    pub attempt: u32,
    /// The file; it may not exist (yet).
    pub path: PathBuf,
}

impl LogPlace {
    /// Whether the worker's attempt is over, so that nothing more will be written.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn is_complete(&self, app: &App) -> Result<bool, Failure> {
        let attempt = app.store.attempt(&self.job.id, self.attempt).await?;
        match attempt {
            Some(attempt) => Ok(attempt.ended.is_some()),
            // No such attempt yet, or the job is gone: it grows only if the job may still start.
            None => Ok(app.store.job(&self.job.id).await?.is_none_or(|job| job.status().has_ended())),
        }
    }
}

/// Finds the log of a worker by its name; without an attempt, that of the latest.
///
/// # Errors
/// `NotFound` for a job, worker or attempt that is not there.
pub async fn log_place(
    app: &App,
    actor: &Actor,
    id: &str,
    pod_name: &str,
    attempt: Option<u32>,
) -> Result<LogPlace, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    let names = worker_names(&job.id, job.spec.workers);
    let missing = || Failure::not_found("worker", pod_name);
    let rank = names.iter().position(|name| name == pod_name).ok_or_else(missing)?;
    let rank = u32::try_from(rank).map_err(|_| missing())?;
    let latest = job.attempt.as_ref().map_or(1, |attempt| attempt.number);
    let attempt = attempt.unwrap_or(latest);
    if attempt > latest {
        let message = format!("the job has had {latest} attempt(s)");
        return Err(Failure::BadQuery(vec![Fault {
            path: "attempt".to_owned(),
            code: FaultCode::OutOfRange,
            message,
        }]));
    }
    let centre = app.centres.get(job.centre());
    let centre = centre.ok_or_else(|| Failure::Unavailable("the job's centre is no longer configured".to_owned()))?;
    let path = centre.engine.log_path(&job.id, attempt, rank);
    Ok(LogPlace { job, attempt, path })
}
