//! Jobs: making, reading, listing and removing them. Their life is changed in `jobs/change.rs` alone.

mod allocations;
mod change;
mod record;
mod versions;

pub use change::Outcome;
pub use versions::RowVersion;

use std::collections::BTreeSet;

use record::{NewJob, attempt_of, job_of, save_attempt};
use trainyard_domain::{
    hex,
    id::{JobId, TemplateId},
    job::{Attempt, Job, Note, Status},
    time::Millis,
};

use crate::{
    Page, PageRequest, Scope, Store, StoreError, db, events,
    list::{self, Sql},
    rows::Fields,
    usage,
    writer::{WriteConnection, statement},
};

/// How long an idempotency key is remembered.
const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// By what a repeated request is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The project that it belongs to.
    pub project: String,
    /// The text that the caller chose.
    pub key: String,
    /// A hash of the request's body.
    pub body_hash: [u8; 32],
    /// The time of the request.
    pub now: Millis,
}

/// What came of keeping a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was kept.
    New,
    /// The same request made this job before; nothing was kept now.
    Repeated(JobId),
}

/// Which jobs are listed; what is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFilter {
    /// Whose.
    pub scope: Scope,
    /// A part of the name; capital letters of ASCII count as small ones.
    pub name: Option<String>,
    /// Where they are in their life.
    pub status: Option<Status>,
    /// The compute centre.
    pub centre: Option<i64>,
    /// The template that they were made from.
    pub template: Option<TemplateId>,
}

impl JobFilter {
    /// All that somebody may see.
    pub fn of(scope: Scope) -> Self {
        Self { scope, name: None, status: None, centre: None, template: None }
    }
}

/// The start of every statement that reads whole jobs with their latest attempts, with its end.
macro_rules! select_jobs {
    ($from:literal) => {
        concat!(
            "SELECT j.id, j.project, j.owner, j.name, j.template_id, j.template_version, j.state, j.reason, \
             j.message, j.retries_job, j.retries_platform, j.ran_ms, j.created, j.queued, j.started, j.ended, j.row_version, \
             s.document, s.provenance, s.spec, a.number AS attempt_number, a.placement, a.handle, \
             a.status AS attempt_status, a.reason AS attempt_reason, a.message AS attempt_message, a.placed, \
             a.started AS attempt_started, a.ended AS attempt_ended, a.workers FROM ",
            $from,
            " JOIN job_specs s ON s.job_id = j.id \
             LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempt"
        )
    };
    ($from:literal, $rest:literal) => {
        concat!(select_jobs!($from), $rest)
    };
}
use select_jobs;

/// The start of the statements that read attempts alone.
macro_rules! select_attempts {
    ($rest:literal) => {
        concat!(
            "SELECT number AS attempt_number, placement, handle, status AS attempt_status, \
             reason AS attempt_reason, message AS attempt_message, placed, started AS attempt_started, \
             ended AS attempt_ended, workers FROM attempts ",
            $rest
        )
    };
}

impl Store {
    /// Keeps a new job with the first line of its history, unless the same request did so within 24 hours.
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
        const SELECT: &str = select_jobs!("jobs j", " WHERE j.id = $1");
        let row = db::row(self.readers(), sqlx::query(SELECT).bind(id.as_str())).await?;
        row.as_ref().map(job_of).transpose()
    }

    /// All jobs that are in one of some states, oldest first: what the loops work on.
    pub async fn jobs_in(&self, statuses: &[Status]) -> Result<Vec<Job>, StoreError> {
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Sql::new(select_jobs!("jobs j", " WHERE j.status IN ("));
        let mut list = select.separated(", ");
        for status in statuses {
            list.push_bind(status.as_str());
        }
        select.push(") ORDER BY j.created, j.id");
        db::rows(self.readers(), select.build()).await?.iter().map(job_of).collect()
    }

    /// Those of some jobs that are not here.
    pub async fn unknown_of(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let mut unknown: BTreeSet<JobId> = ids.iter().cloned().collect();
        for some in ids.chunks(versions::AT_ONCE) {
            let mut select = Sql::new("SELECT id FROM jobs WHERE id IN (");
            let mut list = select.separated(", ");
            for id in some {
                list.push_bind(id.as_str());
            }
            select.push(")");
            for row in db::rows(self.readers(), select.build()).await? {
                unknown.remove(&Fields::of("jobs", &row).parsed("id")?);
            }
        }
        Ok(unknown.into_iter().collect())
    }

    /// A page of the jobs that a filter lets through, newest first.
    pub async fn list_jobs(&self, f: &JobFilter, p: PageRequest) -> Result<Page<Job>, StoreError> {
        // The inner statement walks over an index alone; only the page's own rows are read whole.
        const INNER: &str = "WITH page AS (SELECT id FROM jobs WHERE ";
        const ORDER: &str = " ORDER BY created DESC, id DESC";
        const WHOLE: &str = select_jobs!("page JOIN jobs j ON j.id = page.id", " ORDER BY j.created DESC, j.id DESC");
        let mut count = Sql::new("SELECT count(*) AS total FROM jobs WHERE ");
        push_conditions(&mut count, f);
        let mut select = Sql::new(INNER);
        push_conditions(&mut select, f);
        select.push(ORDER);
        list::push_limit(&mut select, p);
        select.push(") ").push(WHOLE);
        list::page(self, count, select, job_of).await
    }

    /// All attempts of a job, in order.
    pub async fn attempts(&self, id: &JobId) -> Result<Vec<Attempt>, StoreError> {
        const SELECT: &str = select_attempts!("WHERE job_id = $1 ORDER BY number");
        let query = sqlx::query(SELECT).bind(id.as_str());
        db::rows(self.readers(), query).await?.iter().map(attempt_of).collect()
    }

    /// One attempt of a job.
    pub async fn attempt(&self, id: &JobId, number: u32) -> Result<Option<Attempt>, StoreError> {
        const SELECT: &str = select_attempts!("WHERE job_id = $1 AND number = $2");
        let query = sqlx::query(SELECT).bind(id.as_str()).bind(i64::from(number));
        let row = db::row(self.readers(), query).await?;
        row.as_ref().map(attempt_of).transpose()
    }

    /// Removes an ended job with its attempts and its history; `false` where there is none. What it says about its
    /// template stays.
    ///
    /// [`StoreError::NotEnded`] where it has not ended.
    pub async fn delete_job(&self, id: &JobId) -> Result<bool, StoreError> {
        const FIND: &str = "SELECT status FROM jobs WHERE id = $1";
        const DELETE: &str = "DELETE FROM jobs WHERE id = $1";
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            let Some(row) = on.row(statement(FIND).bind(id.as_str())).await? else {
                return Ok(false);
            };
            let status = Fields::of("jobs", &row).word("status", Status::parse)?;
            if !status.has_ended() {
                return Err(StoreError::NotEnded { status });
            }
            usage::outlive(on, &id).await?;
            Ok(on.execute(statement(DELETE).bind(id.as_str())).await? > 0)
        })
        .await
    }

    /// The jobs that ended before a time and whose logs are still there, the longest ended first.
    pub async fn ended_before(&self, t: Millis, limit: u32) -> Result<Vec<JobId>, StoreError> {
        const SELECT: &str = "SELECT id FROM jobs WHERE logs_removed = FALSE AND ended < $1 ORDER BY ended LIMIT $2";
        let query = sqlx::query(SELECT).bind(t).bind(i64::from(limit));
        let rows = db::rows(self.readers(), query).await?;
        rows.iter().map(|row| Fields::of("jobs", row).parsed("id")).collect()
    }

    /// Whether it was noted that a job's logs are gone.
    pub async fn logs_are_removed(&self, id: &JobId) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT logs_removed FROM jobs WHERE id = $1";
        let row = db::row(self.readers(), sqlx::query(SELECT).bind(id.as_str())).await?;
        row.map_or(Ok(false), |row| Fields::of("jobs", &row).get("logs_removed"))
    }

    /// Notes that a job's logs are gone; `false` where there is no such job, or it was noted before.
    pub async fn mark_logs_removed(&self, id: &JobId) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE jobs SET logs_removed = TRUE WHERE id = $1 AND logs_removed = FALSE";
        let id = id.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            Ok(on.execute(statement(UPDATE).bind(id.as_str())).await? > 0)
        })
        .await
    }
}

/// Takes an idempotency key for a job, or answers the job that has it already.
async fn claim(on: &mut WriteConnection, key: &IdempotencyKey, job: &JobId) -> Result<Option<JobId>, StoreError> {
    const FORGET: &str = "DELETE FROM idempotency_keys WHERE created <= $1";
    const CLAIM: &str = "INSERT INTO idempotency_keys (project, idempotency_key, body_hash, job_id, created) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project, idempotency_key) DO NOTHING";
    const FIND: &str = "SELECT body_hash, job_id FROM idempotency_keys \
         WHERE project = $1 AND idempotency_key = $2";
    // However many are too old, none of them may answer any more.
    on.execute(statement(FORGET).bind(key.now.saturating_sub(KEY_LIFE_MS))).await?;
    let claim = statement(CLAIM)
        .bind(&key.project)
        .bind(&key.key)
        .bind(hex::encode(&key.body_hash))
        .bind(job.as_str())
        .bind(key.now);
    if on.execute(claim).await? == 1 {
        return Ok(None);
    }
    let found = on.row(statement(FIND).bind(&key.project).bind(&key.key)).await?;
    let Some(row) = found else {
        return Err(StoreError::Bug("an idempotency key vanished".to_owned()));
    };
    let fields = Fields::of("idempotency_keys", &row);
    if fields.hash("body_hash")? != key.body_hash {
        return Err(StoreError::IdempotencyConflict);
    }
    fields.parsed("job_id").map(Some)
}

pub(crate) fn push_conditions(sql: &mut Sql, f: &JobFilter) {
    match &f.scope {
        Scope::All => sql.push("1 = 1"),
        Scope::Seen { project, .. } => sql.push("project = ").push_bind(project),
    };
    if let Some(status) = f.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(centre) = f.centre {
        sql.push(" AND centre = ").push_bind(centre);
    }
    if let Some(template) = &f.template {
        sql.push(" AND template_id = ").push_bind(template.as_str());
    }
    if let Some(name) = &f.name {
        list::push_name_contains(sql, name);
    }
}
