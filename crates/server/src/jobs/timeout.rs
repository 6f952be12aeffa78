//! Gives a job another limit of its running time while it waits or runs.

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::{Job, Transition},
};
use trainyard_engine::{Handle, Observed};
use trainyard_store::Outcome;

use super::find;
use crate::{App, failure::Failure};

/// Sets the limit in seconds of running, summed over attempts; `None` takes it away.
///
/// A limit that has passed already is refused: whoever wants the job to end stops it, and a slip of the pen must not
/// end a month of work.
///
/// # Errors
/// `NotFound`, `Forbidden`, `AlreadyEnded`, and `BadBody` where the job has run for longer already.
pub async fn set_timeout(app: &App, actor: &Actor, id: &str, seconds: Option<u64>) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    let ran_ms = job.ran_ms.saturating_add(running_ms(app, &job).await?);
    let now = app.clock.now();
    let wish = Transition::TimeoutSet { seconds, actor: actor.user.clone() };
    let decide = move |job: Job| {
        // Where the attempt has ended meanwhile, the job's own sum holds what was just asked for.
        let ran_ms = ran_ms.max(job.ran_ms);
        let changed = job.on(wish, now).map_err(|_| Failure::AlreadyEnded)?;
        if changed.job.spec.is_over_time(ran_ms) && !changed.notes.is_empty() {
            return Err(has_passed(ran_ms));
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

/// How long the attempt that is on its way has run.
async fn running_ms(app: &App, job: &Job) -> Result<i64, Failure> {
    let open = job.attempt.as_ref().filter(|attempt| attempt.ended.is_none());
    let handle = open.and_then(|attempt| attempt.handle.clone()).map(Handle);
    let (Some(handle), Some(engine)) = (handle, app.centres.engine(job.centre())) else {
        return Ok(0);
    };
    match engine.observe(&[handle]).await.pop() {
        Some(observed) => Ok(match observed? {
            Observed::NotStarted => 0,
            Observed::Running { running_ms, .. }
            | Observed::Ended { running_ms, .. }
            | Observed::Lost { running_ms, .. } => running_ms,
        }),
        None => Ok(0),
    }
}

fn has_passed(ran_ms: i64) -> Failure {
    let message = format!("the job has run for {} s already; give it more, or stop it", ran_ms / 1000);
    Failure::BadBody(vec![Fault { path: "timeoutSeconds".to_owned(), code: FaultCode::OutOfRange, message }])
}
