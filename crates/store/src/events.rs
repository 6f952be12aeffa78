//! The history of jobs: lines that are added and never changed, counted from 1 in each job.

use trainyard_domain::{id::JobId, job::Note, reason::Reason, time::Millis};

use crate::{
    Page, PageRequest, Store, StoreError, db,
    list::{self, Sql},
    rows::{Fields, Row},
    writer::{WriteConnection, statement},
};

/// One line of a job's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// Its place in the job's history, from 1 without gaps.
    pub sequence: i64,
    /// When it was written.
    pub time: Millis,
    /// What it says.
    pub note: Note,
}

impl Store {
    /// The lines that follow the one at `after` (0 for all), in order, at most `limit`.
    pub async fn events(&self, id: &JobId, after: i64, limit: u32) -> Result<Vec<JobEvent>, StoreError> {
        const SELECT: &str = "SELECT sequence, time, kind, reason, message, actor FROM job_events \
             WHERE job_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
        let query = sqlx::query(SELECT).bind(id.as_str()).bind(after).bind(i64::from(limit));
        db::rows(self.readers(), query).await?.iter().map(event_of).collect()
    }

    /// A page of the lines that follow the one at `after`, in order.
    pub async fn events_page(&self, id: &JobId, after: i64, p: PageRequest) -> Result<Page<JobEvent>, StoreError> {
        let conditions = |sql: &mut Sql| {
            sql.push("job_id = ").push_bind(id.as_str());
            sql.push(" AND sequence > ").push_bind(after);
        };
        let mut count = Sql::new("SELECT count(*) AS total FROM job_events WHERE ");
        conditions(&mut count);
        let mut select = Sql::new("SELECT sequence, time, kind, reason, message, actor FROM job_events WHERE ");
        conditions(&mut select);
        select.push(" ORDER BY sequence");
        list::push_limit(&mut select, p);
        list::page(self, count, select, event_of).await
    }
}

/// Adds lines to a job's history, in order.
pub(crate) async fn append(
    on: &mut WriteConnection,
    id: &JobId,
    time: Millis,
    notes: &[Note],
) -> Result<(), StoreError> {
    const LAST: &str = "SELECT coalesce(max(sequence), 0) AS last FROM job_events WHERE job_id = $1";
    const INSERT: &str = "INSERT INTO job_events (job_id, sequence, time, kind, reason, message, actor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    if notes.is_empty() {
        return Ok(());
    }
    let last: i64 = match on.row(statement(LAST).bind(id.as_str())).await? {
        Some(row) => Fields::of("job_events", &row).number("last")?,
        None => 0,
    };
    for (sequence, note) in (last + 1..).zip(notes) {
        let query = statement(INSERT)
            .bind(id.as_str())
            .bind(sequence)
            .bind(time)
            .bind(&note.kind)
            .bind(note.reason.as_str())
            .bind(&note.message)
            .bind(&note.actor);
        if on.execute(query).await? != 1 {
            return Err(StoreError::Bug("an event was not kept".to_owned()));
        }
    }
    Ok(())
}

fn event_of(row: &Row) -> Result<JobEvent, StoreError> {
    let fields = Fields::of("job_events", row);
    Ok(JobEvent {
        sequence: fields.number("sequence")?,
        time: fields.number("time")?,
        note: Note {
            kind: fields.text("kind")?,
            reason: fields.word("reason", Reason::parse)?,
            message: fields.text("message")?,
            actor: fields.text("actor")?,
        },
    })
}
