//! The history of jobs: entries that are appended and never changed, numbered from 1 in each job.

use trainyard_domain::{id::JobId, job::Note, reason::Reason, time::WallTime};

use crate::{
    Page, PageRequest, Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table, only_number},
    sql::{Sql, sql, statement},
};

const EVENTS: Table = Table { name: "job_events", key: &["job_id", "sequence"] };

/// One entry of a job's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEvent {
    /// The number of the entry in the job's history, from 1 without gaps.
    pub sequence: i64,
    /// When the entry was written, in Unix milliseconds.
    pub time: WallTime,
    /// What happened, why, and which user caused it.
    pub note: Note,
}

impl Store {
    /// The entries after the one with the number `after` (0 for all), in order, at most `limit`.
    pub async fn events(&self, id: &JobId, after: i64, limit: u32) -> Result<Vec<JobEvent>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT job_id, sequence, time, kind, reason, message, actor FROM job_events \
             WHERE job_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
        );
        let select = statement(SELECT).bind(id.as_str()).bind(after).bind(i64::from(limit));
        self.readers().rows(select, event_of).await
    }

    /// A page of the entries after the one with the number `after`, in order.
    pub async fn events_page(&self, id: &JobId, after: i64, p: PageRequest) -> Result<Page<JobEvent>, StoreError> {
        const COUNT: Sql = sql!("SELECT count(*) AS total FROM job_events WHERE job_id = $1 AND sequence > $2");
        const SELECT: Sql = sql!(
            "SELECT job_id, sequence, time, kind, reason, message, actor FROM job_events \
             WHERE job_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3 OFFSET $4"
        );
        let count = statement(COUNT).bind(id.as_str()).bind(after);
        let select = statement(SELECT).bind(id.as_str()).bind(after).bind(p.limit()).bind(p.offset());
        self.readers().count_and_rows(count, select, event_of).await.map(Page::from)
    }
}

/// Appends entries to a job's history, in order.
pub(crate) async fn append(
    on: &mut WriteConnection,
    id: &JobId,
    time: WallTime,
    notes: &[Note],
) -> Result<(), StoreError> {
    const LAST: Sql = sql!("SELECT coalesce(max(sequence), 0) AS last FROM job_events WHERE job_id = $1");
    const INSERT: Sql = sql!(
        "INSERT INTO job_events (job_id, sequence, time, kind, reason, message, actor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    );
    if notes.is_empty() {
        return Ok(());
    }
    let last = on.row(statement(LAST).bind(id.as_str()), only_number).await?.unwrap_or(0);
    for (sequence, note) in (last + 1..).zip(notes) {
        let insert = statement(INSERT)
            .bind(id.as_str())
            .bind(sequence)
            .bind(time)
            .bind(&note.kind)
            .bind(note.reason.as_str())
            .bind(&note.message)
            .bind(&note.actor);
        if on.execute(insert).await? != 1 {
            return Err(StoreError::Bug("an event was not kept".to_owned()));
        }
    }
    Ok(())
}

fn event_of(row: &Row<'_>) -> Result<JobEvent, StoreError> {
    let fields = Fields::of(&EVENTS, row);
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
