//! Use cases about jobs: create, show, list, stop, restart, change the time limit, delete, save as a template.

mod create;
mod history;
mod preview;
mod request;
mod restart;
mod timeout;
mod worker_log;
mod workers;

pub use create::{Created, create};
pub use history::{History, events};
pub use preview::{Preview, WorkerPreview, preview};
pub use restart::restart;
pub use timeout::set_timeout;
pub use worker_log::{log_paths, worker_log};
pub use workers::{OpenPorts, PortAddress, host_of, open_ports, workers};

use trainyard_domain::{
    access::{Action, Actor},
    fault::Fault,
    id::{JobId, TemplateId},
    job::{Attempt, Job, Status, StopCause, Transition},
    job_spec::{JobSpec, prepare},
    merge::Merged,
    template::body_of_job,
};
use trainyard_store::{JobFilter, Outcome, Page, PageRequest, StoreError};

use crate::{
    App,
    app::{allow, allow_job},
    failure::Failure,
    storages,
    templates::{NewName, insert_named},
};

/// Why the host of a spec's centre could not run a job of this owner now: its mounts, and the user of its workers.
///
/// Errors: those of the engine.
async fn host_faults(app: &App, actor: &Actor, owner: &str, spec: &JobSpec) -> Result<Vec<Fault>, Failure> {
    if let Some(centre) = app.centres.get(spec.centre)
        && let Some(fault) = centre.user_fault(actor, owner).await?
    {
        // A caller without a user of its own must not learn what the server's user can see.
        return Ok(vec![fault]);
    }
    storages::faults(app, owner, spec).await
}

/// Finds a job that the caller may use for an action.
///
/// Errors: `NotFound`, `Forbidden`.
pub async fn find(app: &App, actor: &Actor, action: Action, id: &str) -> Result<Job, Failure> {
    let missing = || Failure::not_found("job", id);
    let key: JobId = id.parse().map_err(|_| missing())?;
    let mut job = app.store.job(&key).await?.ok_or_else(missing)?;
    allow_job(actor, action, &job)?;
    app.fill_in(&mut job);
    Ok(job)
}

/// A page of the jobs that pass a filter, with their current waiting reasons.
///
/// Errors: those of the store.
pub async fn list(app: &App, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>, Failure> {
    let mut found = app.store.list_jobs(filter, page).await?;
    found.records.iter_mut().for_each(|job| app.fill_in(job));
    Ok(found)
}

/// A job with all its attempts, and warnings about requests that its centre does not honour.
///
/// Errors: `NotFound`.
pub async fn detail(app: &App, actor: &Actor, id: &str) -> Result<(Job, Vec<Attempt>, Vec<Fault>), Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    let mut attempts = app.store.attempts(&job.id).await?;
    // An attempt in the queue of its engine has no worker yet.
    attempts.retain(|attempt| attempt.status != Status::Pending);
    let judged = prepare(Merged { document: job.document.clone(), ..Merged::default() }, &app.centres.views());
    Ok((job, attempts, judged.warnings))
}

/// Stops a job. A job that has ended or is being stopped does not change, so the call may be repeated.
///
/// Errors: `NotFound`, `Forbidden`.
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
            app.runner.notify(job.centre(), &job.id);
            app.scheduler.notify_one();
            Ok(())
        }
        Outcome::Refused(illegal) => Err(Failure::Internal(illegal.to_string())),
        Outcome::NotFound => Err(Failure::not_found("job", id)),
    }
}

/// Deletes a job that has ended, with its logs and its folder. The folder leaves the disk later, however large it is.
///
/// Errors: `NotFound`, `Forbidden`, `NotEnded`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    if !job.status().has_ended() {
        return Err(Failure::NotEnded);
    }
    // The files first: a row without files can be deleted by another call, files without a row would stay forever.
    if let Some(engine) = app.centres.engine(job.centre()) {
        engine.forget(&job.id).await?;
        app.cleaner.notify_one();
    }
    match app.store.delete_job(&job.id).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(StoreError::NotFound) => Err(Failure::not_found("job", id)),
        Err(error) => Err(error.into()),
    }
}

/// Saves the request of a job as a template. Values that came from defaults and products are left out.
///
/// Errors: `NotFound`, `Forbidden`, `NameTaken`.
pub async fn save_as_template(app: &App, actor: &Actor, id: &str, new: NewName) -> Result<TemplateId, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    allow(actor, Action::CreateTemplate)?;
    let comment = format!("saved from {}", job.id);
    insert_named(app, actor, body_of_job(&job), new, comment).await
}
