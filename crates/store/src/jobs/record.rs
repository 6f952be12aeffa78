//! Jobs and attempts as rows, in both directions.
//!
//! The JSON columns (`document`, `provenance`, `spec`, `state`, `placement`, `workers`) outlive a release: a new field of
//! one has a default, and `tests/stored.rs` reads every form that was ever written.

use trainyard_domain::{
    id::JobId,
    job::{Attempt, Job, RetryCounts, Status},
    reason::Reason,
};

use crate::{
    StoreError, WriteConnection,
    list::folded,
    rows::{Fields, Row, Table, json},
    sql::{Sql, sql, statement},
};

pub(super) const JOBS: Table = Table { name: "jobs", key: &["id"] };
pub(super) const ATTEMPTS: Table = Table { name: "attempts", key: &["job_id", "attempt_number"] };

/// The columns of a whole job with its latest attempt.
macro_rules! job_columns {
    () => {
        "j.id, j.project, j.owner, j.name, j.template_id, j.template_version, j.state, j.reason, j.message, \
         j.retries_job, j.retries_platform, j.ran_ms, j.created, j.queued, j.started, j.ended, j.row_version, \
         s.document, s.provenance, s.spec, a.job_id, a.number AS attempt_number, a.placement, a.handle, \
         a.status AS attempt_status, a.reason AS attempt_reason, a.message AS attempt_message, a.placed, \
         a.started AS attempt_started, a.ended AS attempt_ended, a.workers"
    };
}

/// What joins the other tables of a whole job to `jobs j`.
macro_rules! job_joins {
    () => {
        "JOIN job_specs s ON s.job_id = j.id LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempt"
    };
}

/// The columns of an attempt alone.
macro_rules! attempt_columns {
    () => {
        "job_id, number AS attempt_number, placement, handle, status AS attempt_status, reason AS attempt_reason, \
         message AS attempt_message, placed, started AS attempt_started, ended AS attempt_ended, workers"
    };
}

pub(super) use {attempt_columns, job_columns, job_joins};

/// A new job as column values, prepared before the writer runs the change, so that no other change waits for its JSON.
pub(super) struct NewJob {
    pub(super) job: Job,
    state: String,
    document: String,
    provenance: String,
    spec: String,
}

impl NewJob {
    pub(super) fn of(job: &Job) -> Result<Self, StoreError> {
        Ok(Self {
            state: json(&job.state)?,
            document: json(&job.document)?,
            provenance: json(&job.provenance)?,
            spec: json(&job.spec)?,
            job: job.clone(),
        })
    }

    pub(super) async fn insert(&self, on: &mut WriteConnection) -> Result<(), StoreError> {
        const JOB: Sql = sql!(
            "INSERT INTO jobs (id, project, owner, name, name_folded, template_id, template_version, centre, priority, \
             status, state, reason, message, retries_job, retries_platform, ran_ms, attempt, created, started, ended, \
             queued, row_version, logs_removed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
             $15, $16, $17, $18, $19, $20, $21, 1, FALSE) ON CONFLICT (id) DO NOTHING"
        );
        const SPEC: Sql = sql!("INSERT INTO job_specs (job_id, document, provenance, spec) VALUES ($1, $2, $3, $4)");
        let job = &self.job;
        let insert = statement(JOB)
            .bind(job.id.as_str())
            .bind(&job.project)
            .bind(&job.owner)
            .bind(&job.name)
            .bind(folded(&job.name))
            .bind(job.template.as_ref().map(|(id, _)| id.as_str()))
            .bind(job.template.as_ref().map(|(_, version)| i64::from(*version)))
            .bind(job.centre().0)
            .bind(i64::from(job.spec.priority))
            .bind(job.status().as_str())
            .bind(&self.state)
            .bind(job.reason.as_str())
            .bind(&job.message)
            .bind(i64::from(job.retries.job))
            .bind(i64::from(job.retries.platform))
            .bind(job.ran)
            .bind(attempt_number(job))
            .bind(job.created)
            .bind(job.started)
            .bind(job.ended)
            .bind(job.queued);
        if on.execute(insert).await? == 0 {
            return Err(StoreError::Exists);
        }
        let insert = statement(SPEC).bind(job.id.as_str()).bind(&self.document).bind(&self.provenance).bind(&self.spec);
        one_row(on.execute(insert).await?)
    }
}

/// Writes the columns of a job's row that a change may alter, if no other change has altered the row since it was read.
pub(super) async fn save_job(on: &mut WriteConnection, job: &Job, row_version: i64) -> Result<(), StoreError> {
    const UPDATE: Sql = sql!(
        "UPDATE jobs SET name = $1, name_folded = $2, centre = $3, priority = $4, status = $5, state = $6, reason = $7, \
         message = $8, retries_job = $9, retries_platform = $10, ran_ms = $11, attempt = $12, started = $13, \
         ended = $14, queued = $15, row_version = row_version + 1 WHERE id = $16 AND row_version = $17"
    );
    let update = statement(UPDATE)
        .bind(&job.name)
        .bind(folded(&job.name))
        .bind(job.centre().0)
        .bind(i64::from(job.spec.priority))
        .bind(job.status().as_str())
        .bind(json(&job.state)?)
        .bind(job.reason.as_str())
        .bind(&job.message)
        .bind(i64::from(job.retries.job))
        .bind(i64::from(job.retries.platform))
        .bind(job.ran)
        .bind(attempt_number(job))
        .bind(job.started)
        .bind(job.ended)
        .bind(job.queued)
        .bind(job.id.as_str())
        .bind(row_version);
    if on.execute(update).await? == 1 {
        Ok(())
    } else {
        let message = format!("another change altered {} at the same moment", job.id);
        Err(StoreError::Unavailable(message))
    }
}

/// Writes the large part of a job.
pub(super) async fn save_spec(on: &mut WriteConnection, job: &Job) -> Result<(), StoreError> {
    const UPDATE: Sql = sql!("UPDATE job_specs SET document = $1, provenance = $2, spec = $3 WHERE job_id = $4");
    let update = statement(UPDATE)
        .bind(json(&job.document)?)
        .bind(json(&job.provenance)?)
        .bind(json(&job.spec)?)
        .bind(job.id.as_str());
    one_row(on.execute(update).await?)
}

/// Writes an attempt, whether it is new or has changed.
pub(super) async fn save_attempt(on: &mut WriteConnection, id: &JobId, attempt: &Attempt) -> Result<(), StoreError> {
    const UPSERT: Sql = sql!(
        "INSERT INTO attempts (job_id, number, placement, handle, status, reason, message, placed, started, ended, \
         workers) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (job_id, number) DO UPDATE SET placement = excluded.placement, handle = excluded.handle, \
         status = excluded.status, reason = excluded.reason, message = excluded.message, placed = excluded.placed, \
         started = excluded.started, ended = excluded.ended, workers = excluded.workers"
    );
    let upsert = statement(UPSERT)
        .bind(id.as_str())
        .bind(i64::from(attempt.number))
        .bind(json(&attempt.placement)?)
        .bind(&attempt.handle)
        .bind(attempt.status.as_str())
        .bind(attempt.reason.as_str())
        .bind(&attempt.message)
        .bind(attempt.placed)
        .bind(attempt.started)
        .bind(attempt.ended)
        .bind(json(&attempt.workers)?);
    one_row(on.execute(upsert).await?)
}

fn one_row(changed: u64) -> Result<(), StoreError> {
    match changed {
        1 => Ok(()),
        changed => Err(StoreError::Bug(format!("a statement changed {changed} rows instead of one"))),
    }
}

fn attempt_number(job: &Job) -> Option<i64> {
    job.attempt.as_ref().map(|attempt| i64::from(attempt.number))
}

/// Reads a row of `job_columns!`.
pub(super) fn job_of(row: &Row<'_>) -> Result<Job, StoreError> {
    let fields = Fields::of(&JOBS, row);
    let has_template = fields.get::<Option<&str>>("template_id")?.is_some();
    let has_attempt = fields.get::<Option<i64>>("attempt_number")?.is_some();
    Ok(Job {
        id: fields.parsed("id")?,
        name: fields.text("name")?,
        project: fields.text("project")?,
        owner: fields.text("owner")?,
        template: if has_template {
            Some((fields.parsed("template_id")?, fields.number("template_version")?))
        } else {
            None
        },
        document: fields.json("document")?,
        provenance: fields.json("provenance")?,
        spec: fields.json("spec")?,
        created: fields.number("created")?,
        queued: fields.number("queued")?,
        started: fields.optional("started")?,
        ended: fields.optional("ended")?,
        state: fields.json("state")?,
        reason: fields.word("reason", Reason::parse)?,
        message: fields.text("message")?,
        retries: RetryCounts { job: fields.number("retries_job")?, platform: fields.number("retries_platform")? },
        ran: fields.number("ran_ms")?,
        attempt: if has_attempt { Some(attempt_of(row)?) } else { None },
    })
}

/// Reads a row of `attempt_columns!` or `job_columns!`.
pub(super) fn attempt_of(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let fields = Fields::of(&ATTEMPTS, row);
    Ok(Attempt {
        number: fields.number("attempt_number")?,
        placement: fields.json("placement")?,
        handle: fields.get("handle")?,
        status: fields.word("attempt_status", Status::parse)?,
        reason: fields.word("attempt_reason", Reason::parse)?,
        message: fields.text("attempt_message")?,
        placed: fields.number("placed")?,
        started: fields.optional("attempt_started")?,
        ended: fields.optional("attempt_ended")?,
        workers: fields.json("workers")?,
    })
}
