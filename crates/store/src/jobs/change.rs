//! The one way to change a job's state: load, ask the pure function, save, all in one transaction.

use trainyard_domain::{
    id::JobId,
    job::{Changed, Job},
    time::WallTime,
};

use super::record::{JOBS, job_columns, job_joins, job_of, save_attempt, save_job, save_spec};
use crate::{
    Store, StoreError, WriteConnection, events,
    rows::{Fields, Row},
    sql::{Sql, sql, statement},
};

/// The result of [`Store::change`].
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<E> {
    /// The job was changed; this is its new state.
    Changed(Job),
    /// The decision left the job as it was.
    Unchanged(Job),
    /// The decision refused, for this reason.
    Refused(E),
    /// No job has this id.
    NotFound,
}

impl Store {
    /// Changes a job. `decide` gets the present job with its latest attempt and returns the next one; `None` leaves the
    /// job as it is.
    ///
    /// The job, its attempt and the new entries of its history are kept together or not at all. A decision that changes
    /// nothing writes nothing and does not raise [`Store::changes`], so a loop that changes wake comes to rest. `decide`
    /// runs on the thread that all writes share: it must be quick and do nothing but decide.
    pub async fn change<E: Send + 'static>(
        &self,
        id: &JobId,
        now: WallTime,
        decide: impl FnOnce(Job) -> Result<Option<Changed>, E> + Send + 'static,
    ) -> Result<Outcome<E>, StoreError> {
        const SELECT: Sql = sql!("SELECT ", job_columns!(), " FROM jobs j ", job_joins!(), " WHERE j.id = $1");
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            let read = |row: &Row<'_>| Ok((job_of(row)?, Fields::of(&JOBS, row).number("row_version")?));
            let Some((job, row_version)) = on.row(statement(SELECT).bind(id.as_str()), read).await? else {
                return Ok(Outcome::NotFound);
            };
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
    now: WallTime,
) -> Result<(), StoreError> {
    let job = &next.job;
    let is_the_same = before.id == job.id
        && before.project == job.project
        && before.owner == job.owner
        && before.template == job.template
        && before.created == job.created;
    if !is_the_same {
        let message = format!("a change of {} would turn it into another job", before.id);
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
