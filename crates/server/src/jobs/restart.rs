//! Runs a finished job again.

use trainyard_domain::{
    access::{Action, Actor},
    job::{Job, Transition},
    job_spec::prepare,
    merge::Merged,
    time::WallTime,
};
use trainyard_store::Outcome;

use super::{find, host_faults};
use crate::{App, failure::Failure, secrets};

/// Puts a job that has ended back into the queue. Its retries and its running time start at zero, its attempts continue
/// to be counted, and its files stay where they are.
///
/// Errors: `NotFound`, `Forbidden`, `NotEnded`, `FilesRemoved`, `DiskFull`, `CannotRun` if the centre cannot hold it.
pub async fn restart(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    if !job.status().has_ended() {
        return Err(Failure::NotEnded);
    }
    app.store.has_space()?;
    let files_removed = || Failure::FilesRemoved { days: app.retention.as_seconds() / (24 * 3600) };
    if app.store.logs_are_removed(&job.id).await? {
        return Err(files_removed());
    }
    let judged = prepare(Merged { document: job.document.clone(), ..Merged::default() }, &app.centres.views());
    let missing = secrets::faults(app, &job.project, &job.owner, &job.document).await?;
    let problems = [judged.problems, missing].concat();
    if !problems.is_empty() {
        return Err(Failure::CannotRun(problems));
    }
    let faults = host_faults(app, actor, &job.owner, &job.spec).await?;
    if !faults.is_empty() {
        return Err(Failure::CannotRun(faults));
    }
    let now = app.clock.now();
    // The janitor may be deleting the files of a job after its retention period.
    let long_ago = now - app.retention;
    let request = Transition::RestartRequested { actor: actor.user.clone() };
    let refusal = files_removed();
    let decide = move |job: Job| {
        if has_ended_by(&job, long_ago) {
            return Err(refusal);
        }
        job.on(request, now).map(Some).map_err(|_| Failure::NotEnded)
    };
    match app.store.change(&job.id, now, decide).await? {
        Outcome::Changed(_) | Outcome::Unchanged(_) => {
            app.scheduler.notify_one();
            Ok(())
        }
        Outcome::Refused(failure) => Err(failure),
        Outcome::NotFound => Err(Failure::not_found("job", id)),
    }
}

fn has_ended_by(job: &Job, time: WallTime) -> bool {
    job.ended.is_some_and(|ended| ended <= time)
}
