//! The evidence of templates' use: counted where jobs are made, kept where they are deleted.

use trainyard_domain::{
    id::{JobId, TemplateId},
    job::{Job, Status},
    template::Use,
};

use crate::{
    Store, StoreError, db,
    rows::{Fields, Row},
    template_index::TemplateChange,
    writer::{WriteConnection, statement},
};

impl Store {
    /// What each job that was made from a template says about it, deleted ones included, in no order.
    pub async fn template_uses(&self, id: &TemplateId) -> Result<Vec<Use>, StoreError> {
        let rows = db::rows(self.readers(), sqlx::query(USES).bind(id.as_str())).await?;
        rows.iter().map(use_of).collect()
    }
}

/// What jobs that exist say, and what those that are gone have said.
pub(crate) const USES: &str = "SELECT template_version AS version, status, created AS made, \
             started - created AS waited_ms, CASE WHEN started IS NULL OR ended IS NULL THEN NULL ELSE ran_ms END AS ran_ms \
             FROM jobs WHERE template_id = $1 UNION ALL \
             SELECT version, status, made, waited_ms, ran_ms FROM template_uses WHERE template_id = $1";

/// Counts a job that is being made. Its template may have been deleted since it was read: then nobody counts.
pub(crate) async fn count(on: &mut WriteConnection, job: &Job) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE templates SET jobs_made = jobs_made + 1, \
         last_used = CASE WHEN last_used > $2 THEN last_used ELSE $2 END WHERE id = $1";
    if let Some((id, _)) = &job.template {
        on.execute(statement(UPDATE).bind(id.as_str()).bind(job.created)).await?;
        on.tell(TemplateChange::Used { id: id.bytes(), at: job.created });
    }
    Ok(())
}

/// Keeps what a job says that is being deleted, where its template is still there to be told about.
pub(crate) async fn outlive(on: &mut WriteConnection, job: &JobId) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO template_uses (template_id, version, status, made, waited_ms, ran_ms) \
         SELECT t.id, j.template_version, j.status, j.created, j.started - j.created, \
         CASE WHEN j.started IS NULL THEN NULL ELSE j.ran_ms END \
         FROM jobs j JOIN templates t ON t.id = j.template_id WHERE j.id = $1";
    on.execute(statement(INSERT).bind(job.as_str())).await?;
    Ok(())
}

fn use_of(row: &Row) -> Result<Use, StoreError> {
    let fields = Fields::of("template_uses", row);
    Ok(Use {
        version: fields.number("version")?,
        status: fields.word("status", Status::parse)?,
        made: fields.number("made")?,
        waited_ms: fields.get("waited_ms")?,
        ran_ms: fields.get("ran_ms")?,
    })
}
