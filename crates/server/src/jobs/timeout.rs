//! Changes the time limit of a job while it waits or runs.

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::{Job, Transition},
};
use trainyard_engine::{Handle, Observed};
use trainyard_store::Outcome;

use super::find;
use crate::{App, failure::Failure};

/// Sets the limit of the running time, in seconds, summed over attempts; `None` removes the limit.
///
/// A limit that the job has passed already is refused: a typing error must not end a month of work. A user who wants the job
/// to end stops it.
///
/// # Errors
/// `NotFound`, `Forbidden`, `AlreadyEnded`, and `BadBody` if the job has already run for longer.
pub async fn set_timeout(app: &App, actor: &Actor, id: &str, seconds: Option<u64>) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    let ran_ms = job.ran_ms.saturating_add(running_ms(app, &job).await?);
    let now = app.clock.now();
    let request = Transition::TimeoutSet { seconds, actor: actor.user.clone() };
    let decide = move |job: Job| {
        // If the attempt has ended meanwhile, the job's own sum includes its running time.
        let ran_ms = ran_ms.max(job.ran_ms);
        let changed = job.on(request, now).map_err(|_| Failure::AlreadyEnded)?;
        if changed.job.spec.is_over_time(ran_ms) && !changed.notes.is_empty() {
            return Err(limit_passed(ran_ms));
        }
        Ok(Some(changed))
    };
    match app.store.change(&job.id, now, decide).await? {
        Outcome::Changed(_) | Outcome::Unchanged(_) => {
            app.runner.notify(&job.id);
            app.scheduler.notify_one();
            Ok(())
        }
        Outcome::Refused(failure) => Err(failure),
        Outcome::NotFound => Err(Failure::not_found("job", id)),
    }
}

/// How long the live attempt has run, in milliseconds; 0 without one.
async fn running_ms(app: &App, job: &Job) -> Result<i64, Failure> {
    let open = job.attempt.as_ref().filter(|attempt| attempt.ended.is_none());
    let handle = open.and_then(|attempt| attempt.handle.clone()).map(Handle);
    let (Some(handle), Some(engine)) = (handle, app.centres.engine(job.centre())) else {
        return Ok(0);
    };
    match engine.observe(&[handle]).await.pop() {
        Some(observed) => Ok(match observed? {
            Observed::NotStarted | Observed::Waiting { .. } => 0,
            Observed::Running { running_ms, .. }
            | Observed::Ended { running_ms, .. }
            | Observed::Lost { running_ms, .. } => running_ms,
        }),
        None => Ok(0),
    }
}

fn limit_passed(ran_ms: i64) -> Failure {
    let message = format!(
        "must be more than {} s, which the job has run already; set a longer limit or stop the job",
        ran_ms / 1000
    );
    Failure::BadBody(vec![Fault { path: "timeoutSeconds".to_owned(), code: FaultCode::OutOfRange, message }])
}
