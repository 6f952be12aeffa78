//! Jobs: creating, reading, listing and deleting them. Only `jobs/change.rs` changes their state.

mod allocations;
mod change;
mod list;
mod live;
mod record;
mod versions;

pub use allocations::{HeldResources, JobMounts};
pub use change::Outcome;
pub use list::JobFilter;
pub use live::{LiveJobs, UnreadableJob};
pub use versions::RowVersion;

use std::collections::BTreeSet;

use record::{JOBS, NewJob, attempt_columns, attempt_of, job_columns, job_joins, job_of, save_attempt};
use trainyard_domain::{
    hex,
    id::{CentreId, JobId},
    job::{Attempt, Job, Note, Status},
    time::{Span, WallTime},
};

#[cfg(test)]
pub(crate) use list::list_statements;

use crate::{
    Store, StoreError, WriteConnection, events,
    rows::{Fields, Row, Table},
    sql::{LIST_MAX, Sql, SqlList, sql, sql_list, statement, statement_of_list},
    usage,
};

/// How long an idempotency key is remembered.
const KEY_LIFE: Span = Span::from_days(1);

const IDEMPOTENCY_KEYS: Table = Table { name: "idempotency_keys", key: &["project", "idempotency_key"] };

/// The properties by which a repeated request is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The project; keys of different projects are different keys.
    pub project: String,
    /// The text that the caller chose.
    pub key: String,
    /// A hash of the request's body.
    pub body_hash: [u8; 32],
    /// The time of the request, in Unix milliseconds.
    pub now: WallTime,
}

/// The result of [`Store::insert_job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The job was kept.
    New,
    /// The same request created this job before; nothing was kept now.
    Repeated(JobId),
}

impl Store {
    /// Keeps a new job with the first entry of its history, unless the same request did so within 24 hours.
    pub async fn insert_job(
        &self,
        job: &Job,
        first: &Note,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Inserted, StoreError> {
        let new = NewJob::of(job)?;
        let first = first.clone();
        self.write(async move |on: &mut WriteConnection| {
            let job = &new.job;
            if let Some(key) = idempotency
                && let Some(earlier) = claim(on, &key, &job.id).await?
            {
                return Ok(Inserted::Repeated(earlier));
            }
            new.insert(on).await?;
            if let Some(attempt) = &job.attempt {
                save_attempt(on, &job.id, attempt).await?;
            }
            events::append(on, &job.id, job.created, std::slice::from_ref(&first)).await?;
            usage::count(on, job).await?;
            Ok(Inserted::New)
        })
        .await
    }

    /// A job with its latest attempt.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        const SELECT: Sql = sql!("SELECT ", job_columns!(), " FROM jobs j ", job_joins!(), " WHERE j.id = $1");
        self.readers().row(statement(SELECT).bind(id.as_str()), job_of).await
    }

    /// All jobs that are in one of some states and can be read, oldest first: the input of the loops.
    pub async fn jobs_in(&self, statuses: &[Status]) -> Result<Vec<Job>, StoreError> {
        const SELECT: SqlList = sql_list!(
            "SELECT ",
            job_columns!(),
            " FROM jobs j ",
            job_joins!(),
            " WHERE j.status IN ($list) ORDER BY j.created, j.id"
        );
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let select = statement_of_list(SELECT, statuses.iter().map(|status| status.as_str()));
        self.readers().rows(select, job_of).await
    }

    /// The jobs among these that have no row.
    pub async fn unknown_of(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        const SELECT: SqlList = sql_list!("SELECT id FROM jobs WHERE id IN ($list)");
        let mut unknown: BTreeSet<JobId> = ids.iter().cloned().collect();
        for some in ids.chunks(LIST_MAX) {
            let select = statement_of_list(SELECT, some.iter().map(JobId::as_str));
            for id in self.readers().rows(select, id_of).await? {
                unknown.remove(&id);
            }
        }
        Ok(unknown.into_iter().collect())
    }

    /// All attempts of a job that can be read, in order.
    pub async fn attempts(&self, id: &JobId) -> Result<Vec<Attempt>, StoreError> {
        const SELECT: Sql = sql!("SELECT ", attempt_columns!(), " FROM attempts WHERE job_id = $1 ORDER BY number");
        self.readers().rows(statement(SELECT).bind(id.as_str()), attempt_of).await
    }

    /// One attempt of a job.
    pub async fn attempt(&self, id: &JobId, number: u32) -> Result<Option<Attempt>, StoreError> {
        const SELECT: Sql = sql!("SELECT ", attempt_columns!(), " FROM attempts WHERE job_id = $1 AND number = $2");
        self.readers().row(statement(SELECT).bind(id.as_str()).bind(i64::from(number)), attempt_of).await
    }

    /// Deletes an ended job with its attempts and its history; `false` if there is none. The evidence of its template's use
    /// stays.
    ///
    /// [`StoreError::NotEnded`] if it has not ended.
    pub async fn delete_job(&self, id: &JobId) -> Result<bool, StoreError> {
        const FIND: Sql = sql!("SELECT id, status FROM jobs WHERE id = $1");
        const DELETE: Sql = sql!("DELETE FROM jobs WHERE id = $1");
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            let status_of = |row: &Row<'_>| Fields::of(&JOBS, row).word("status", Status::parse);
            let Some(status) = on.row(statement(FIND).bind(id.as_str()), status_of).await? else {
                return Ok(false);
            };
            if !status.has_ended() {
                return Err(StoreError::NotEnded { status });
            }
            usage::keep(on, &id).await?;
            Ok(on.execute(statement(DELETE).bind(id.as_str())).await? > 0)
        })
        .await
    }

    /// The jobs of a centre that ended before a time and still have logs; those that ended first come first.
    pub async fn ended_before(&self, centre: CentreId, t: WallTime, limit: u32) -> Result<Vec<JobId>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT id FROM jobs WHERE logs_removed = FALSE AND ended < $1 AND centre = $2 ORDER BY ended LIMIT $3"
        );
        self.readers().rows(statement(SELECT).bind(t).bind(centre.0).bind(i64::from(limit)), id_of).await
    }

    /// Whether a job's row says that its logs were removed.
    pub async fn logs_are_removed(&self, id: &JobId) -> Result<bool, StoreError> {
        const SELECT: Sql = sql!("SELECT id, logs_removed FROM jobs WHERE id = $1");
        let are_removed = |row: &Row<'_>| Fields::of(&JOBS, row).get("logs_removed");
        Ok(self.readers().row(statement(SELECT).bind(id.as_str()), are_removed).await?.unwrap_or(false))
    }

    /// Writes down that a job's logs were removed; `false` if there is no such job, or its row says so already.
    pub async fn mark_logs_removed(&self, id: &JobId) -> Result<bool, StoreError> {
        const UPDATE: Sql = sql!("UPDATE jobs SET logs_removed = TRUE WHERE id = $1 AND logs_removed = FALSE");
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            Ok(on.execute(statement(UPDATE).bind(id.as_str())).await? > 0)
        })
        .await
    }
}

fn id_of(row: &Row<'_>) -> Result<JobId, StoreError> {
    Fields::of(&JOBS, row).parsed("id")
}

/// Records an idempotency key for a job, or returns the job that has the key already.
async fn claim(on: &mut WriteConnection, key: &IdempotencyKey, job: &JobId) -> Result<Option<JobId>, StoreError> {
    const FORGET: Sql = sql!("DELETE FROM idempotency_keys WHERE created <= $1");
    const CLAIM: Sql = sql!(
        "INSERT INTO idempotency_keys (project, idempotency_key, body_hash, job_id, created) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project, idempotency_key) DO NOTHING"
    );
    const FIND: Sql = sql!(
        "SELECT project, idempotency_key, body_hash, job_id FROM idempotency_keys \
         WHERE project = $1 AND idempotency_key = $2"
    );
    // A key that is too old must not be found any more. The number of deleted keys does not matter.
    on.execute(statement(FORGET).bind(key.now - KEY_LIFE)).await?;
    let claim = statement(CLAIM)
        .bind(&key.project)
        .bind(&key.key)
        .bind(hex::encode(&key.body_hash))
        .bind(job.as_str())
        .bind(key.now);
    if on.execute(claim).await? == 1 {
        return Ok(None);
    }
    let earlier = |row: &Row<'_>| {
        let fields = Fields::of(&IDEMPOTENCY_KEYS, row);
        Ok((fields.hash("body_hash")?, fields.parsed("job_id")?))
    };
    match on.row(statement(FIND).bind(&key.project).bind(&key.key), earlier).await? {
        None => Err(StoreError::Bug("an idempotency key vanished".to_owned())),
        Some((body_hash, _)) if body_hash != key.body_hash => Err(StoreError::IdempotencyConflict),
        Some((_, job)) => Ok(Some(job)),
    }
}
