//! The one way in which a job's state changes: load, ask the pure function, save, all in one transaction.

use trainyard_domain::{
    id::JobId,
    job::{Changed, Job},
    time::Millis,
};

use super::{
    record::{job_of, save_attempt, save_job, save_spec},
    select_jobs,
};
use crate::{
    Store, StoreError, events,
    rows::Fields,
    writer::{WriteConnection, statement},
};

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<E> {
    /// It was made; the job as it is now.
    Changed(Job),
    /// There was nothing to change.
    Unchanged(Job),
    /// The decision refused.
    Refused(E),
    /// There is no such job.
    NotFound,
}

impl Store {
    /// Changes a job: `decide` sees it as it is, with its latest attempt, and answers what it becomes (`None` leaves
    /// it as it is).
    ///
    /// The job, its attempt and the new lines of its history are kept together or not at all. A decision that changes
    /// nothing writes nothing and raises no news, so a loop that is woken by changes comes to rest. `decide` runs on
    /// the thread that all writes share: it must be quick and do nothing but decide.
    pub async fn change<E: Send + 'static>(
        &self,
        id: &JobId,
        now: Millis,
        decide: impl FnOnce(Job) -> Result<Option<Changed>, E> + Send + 'static,
    ) -> Result<Outcome<E>, StoreError> {
        const SELECT: &str = select_jobs!("jobs j", " WHERE j.id = $1");
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            let Some(row) = on.row(statement(SELECT).bind(id.as_str())).await? else {
                return Ok(Outcome::NotFound);
            };
            let job = job_of(&row)?;
            let row_version = Fields::of("jobs", &row).number("row_version")?;
            match decide(job.clone()) {
                Err(refusal) => Ok(Outcome::Refused(refusal)),
                Ok(None) => Ok(Outcome::Unchanged(job)),
                Ok(Some(next)) if next.job == job && next.notes.is_empty() => Ok(Outcome::Unchanged(job)),
                Ok(Some(next)) => {
                    save(on, &job, row_version, &next, now).await?;
                    Ok(Outcome::Changed(next.job))
                }
            }
        })
        .await
    }
}

async fn save(
    on: &mut WriteConnection,
    before: &Job,
    row_version: i64,
    next: &Changed,
    now: Millis,
) -> Result<(), StoreError> {
    let job = &next.job;
    let is_the_same = before.id == job.id
        && before.project == job.project
        && before.owner == job.owner
        && before.template == job.template
        && before.created == job.created;
    if !is_the_same {
        let message = format!("a change of {} would make another job of it", before.id);
        return Err(StoreError::Bug(message));
    }
    save_job(on, job, row_version).await?;
    if before.document != job.document || before.provenance != job.provenance || before.spec != job.spec {
        save_spec(on, job).await?;
    }
    if let Some(attempt) = job.attempt.as_ref().filter(|_| before.attempt != job.attempt) {
        save_attempt(on, &job.id, attempt).await?;
    }
    events::append(on, &job.id, now, &next.notes).await
}
