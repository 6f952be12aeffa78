//! Finds the log of a worker. How the server reads logs is in the module `logs`.

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::Job,
    workers::worker_names,
};

use super::find;
use crate::{App, failure::Failure, logs::WorkerLog};

/// Finds the log of a worker by its name, in the latest attempt unless the caller names another.
///
/// Errors: `NotFound` for a job, worker or attempt that does not exist, `LogsRemoved` after the retention time.
pub async fn worker_log(
    app: &App,
    actor: &Actor,
    id: &str,
    pod_name: &str,
    attempt: Option<u32>,
) -> Result<WorkerLog, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    let names = worker_names(&job.id, job.spec.workers);
    let missing = || Failure::not_found("worker", pod_name);
    let rank = names.iter().position(|name| name == pod_name).ok_or_else(missing)?;
    let rank = u32::try_from(rank).map_err(|_| missing())?;
    let latest = job.attempt.as_ref().map_or(1, |attempt| attempt.number);
    let attempt = attempt.unwrap_or(latest);
    if attempt > latest {
        let message = format!("must be at most {latest}, the number of its latest attempt");
        return Err(Failure::BadQuery(vec![Fault {
            path: "attempt".to_owned(),
            code: FaultCode::OutOfRange,
            message,
        }]));
    }
    if job.status().has_ended() && app.store.logs_are_removed(&job.id).await? {
        return Err(Failure::LogsRemoved);
    }
    let engine = app.centres.engine(job.centre());
    let engine = engine.ok_or_else(|| Failure::Unavailable("the job's centre is no longer configured".to_owned()))?;
    let source = engine.logs(&job.id, attempt, rank);
    Ok(WorkerLog::new(&app.logs, job, attempt, rank, source))
}

/// The path of each worker's log, by attempt and rank; `None` where the log is not a file on the server's host.
pub fn log_paths(app: &App, job: &Job) -> impl Fn(u32, u32) -> Option<String> + use<> {
    let engine = app.centres.engine(job.centre()).cloned();
    let id = job.id.clone();
    move |attempt, rank| {
        let source = engine.as_ref()?.logs(&id, attempt, rank);
        Some(source.path()?.to_string_lossy().into_owned())
    }
}
