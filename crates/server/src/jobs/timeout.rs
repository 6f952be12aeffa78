//! Changes the time limit of a job while it waits or runs.

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::{Job, Transition},
    time::Span,
};
use trainyard_engine::{Handle, Observed};
use trainyard_store::Outcome;

use super::find;
use crate::{App, failure::Failure};

/// Sets the limit of the running time, in seconds, summed over attempts; `None` removes the limit.
///
/// A limit that the job has passed already is refused: a typing error must not end a month of work. To end
/// the job, the user stops it.
///
/// Errors: `NotFound`, `Forbidden`, `AlreadyEnded`, and `BadBody` if the job has already run for longer.
pub async fn set_timeout(app: &App, actor: &Actor, id: &str, seconds: Option<u64>) -> Result<(), Failure> {
    let job = find(app, actor, Action::ChangeJob, id).await?;
    let ran = job.ran + running(app, &job).await?;
    let now = app.clock.now();
    let request = Transition::TimeoutSet { seconds, actor: actor.user.clone() };
    let decide = move |job: Job| {
        // If the attempt has ended meanwhile, the job's own sum includes its running time.
        let ran = ran.max(job.ran);
        let changed = job.on(request, now).map_err(|_| Failure::AlreadyEnded)?;
        if changed.job.spec.is_over_time(ran) && !changed.notes.is_empty() {
            return Err(limit_passed(ran));
        }
        Ok(Some(changed))
    };
    match app.store.change(&job.id, now, decide).await? {
        Outcome::Changed(_) | Outcome::Unchanged(_) => {
            app.runner.notify(job.centre(), &job.id);
            app.scheduler.notify_one();
            Ok(())
        }
        Outcome::Refused(failure) => Err(failure),
        Outcome::NotFound => Err(Failure::not_found("job", id)),
    }
}

/// How long the live attempt has run; zero without a live attempt.
async fn running(app: &App, job: &Job) -> Result<Span, Failure> {
    let open = job.attempt.as_ref().filter(|attempt| attempt.ended.is_none());
    let handle = open.and_then(|attempt| attempt.handle.clone()).map(Handle);
    let (Some(handle), Some(engine)) = (handle, app.centres.engine(job.centre())) else {
        return Ok(Span::ZERO);
    };
    match engine.observe(&[handle]).await.pop() {
        Some(observed) => Ok(match observed? {
            Observed::NotStarted | Observed::Waiting { .. } => Span::ZERO,
            Observed::Running { running, .. } | Observed::Ended { running, .. } | Observed::Lost { running, .. } => {
                running
            }
        }),
        None => Ok(Span::ZERO),
    }
}

fn limit_passed(ran: Span) -> Failure {
    let message = format!(
        "must be more than {} s, which the job has run already; set a longer limit or stop the job",
        ran.as_seconds()
    );
    Failure::BadBody(vec![Fault { path: "timeoutSeconds".to_owned(), code: FaultCode::OutOfRange, message }])
}
