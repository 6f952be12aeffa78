//! What can be done with jobs: make, look at, stop, restart, give another limit, delete.

mod create;
mod history;
mod logs;
mod ports;
mod preview;
mod request;
mod restart;
mod save_as_template;
mod timeout;

pub use create::{Created, create};
pub use history::{History, events};
pub use logs::{
    Follower, Hit, LineTime, LogPlace, LogRequest, Logs, Part, Piece, SharedChunk, Whole, log_paths, log_place,
};
pub use ports::{OpenPorts, open_ports};
pub use preview::{Preview, WorkerPreview, preview};
pub use restart::restart;
pub use save_as_template::save_as_template;
pub use timeout::set_timeout;

use trainyard_domain::{
    access::{Action, Actor},
    fault::Fault,
    id::JobId,
    job::{Attempt, Job, StopCause, Transition},
    job_spec::prepare,
    merge::Merged,
};
use trainyard_store::{JobFilter, Outcome, Page, PageRequest, StoreError};

use crate::{App, app::allow_job, failure::Failure};

/// One job that the caller may see, for an action.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub async fn find(app: &App, actor: &Actor, action: Action, id: &str) -> Result<Job, Failure> {
    let missing = || Failure::not_found("job", id);
    let key: JobId = id.parse().map_err(|_| missing())?;
    let mut job = app.store.job(&key).await?.ok_or_else(missing)?;
    allow_job(actor, action, &job)?;
    app.queue.fill_in(&mut job);
    Ok(job)
}

/// A page of what the caller sees.
///
/// # Errors
/// Only those of the store.
pub async fn list(app: &App, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>, Failure> {
    let mut found = app.store.list_jobs(filter, page).await?;
    found.records.iter_mut().for_each(|job| app.queue.fill_in(job));
    Ok(found)
}

/// One job with all its attempts and what its centre does not honour.
///
/// # Errors
/// `NotFound`.
pub async fn detail(app: &App, actor: &Actor, id: &str) -> Result<(Job, Vec<Attempt>, Vec<Fault>), Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    let attempts = app.store.attempts(&job.id).await?;
    let judged = prepare(Merged { document: job.document.clone(), ..Merged::default() }, &app.centres.views());
    Ok((job, attempts, judged.warnings))
}

/// The latest attempt of a job, where it has one.
///
/// # Errors
/// `NotFound`.
pub async fn workers(app: &App, actor: &Actor, id: &str) -> Result<(Job, Option<Attempt>), Failure> {
    let mut job = find(app, actor, Action::ReadJob, id).await?;
    let attempt = job.attempt.take();
    Ok((job, attempt))
}

/// Asks a job to end. One that has ended or is ending stays as it is, so the call may be repeated.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub async fn stop(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    let now = app.clock.now();
    let cause = StopCause::User { actor: actor.user.clone() };
    let decide = move |job: Job| {
        if job.status().has_ended() {
            return Ok(None);
        }
        job.on(Transition::StopRequested(cause), now).map(Some)
    };
    match app.store.change(&job.id, now, decide).await? {
        Outcome::Changed(_) | Outcome::Unchanged(_) => {
            app.runner.notify(&job.id);
            app.scheduler.notify_one();
            Ok(())
        }
        Outcome::Refused(illegal) => Err(Failure::Internal(illegal.to_string())),
        Outcome::NotFound => Err(Failure::not_found("job", id)),
    }
}

/// Deletes a job that has ended, with its logs and its folder.
///
/// # Errors
/// `NotFound`, `Forbidden`, `NotEnded`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    if !job.status().has_ended() {
        return Err(Failure::NotEnded);
    }
    // The files first: a row without files can be deleted again, files without a row would stay for ever.
    if let Some(engine) = app.centres.engine(job.centre()) {
        engine.forget(&job.id).await?;
    }
    match app.store.delete_job(&job.id).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(StoreError::NotFound) => Err(Failure::not_found("job", id)),
        Err(error) => Err(error.into()),
    }
}
