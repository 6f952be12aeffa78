//! The evidence of templates' use: counted when a job is created, kept when the job is deleted.

use trainyard_domain::{
    id::{JobId, TemplateId},
    job::{Job, Status},
    template::Use,
};

use crate::{
    Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table},
    sql::{Sql, sql, statement},
    template_index::TemplateChange,
};

const USES: Table = Table { name: "template_uses", key: &["template_id", "made"] };

/// The uses of templates by existing jobs, and the recorded uses by deleted jobs.
pub(crate) const SELECT_USES: Sql = sql!(
    "SELECT template_id, template_version AS version, status, created AS made, started - created AS waited_ms, \
     CASE WHEN started IS NULL OR ended IS NULL THEN NULL ELSE ran_ms END AS ran_ms \
     FROM jobs WHERE template_id = $1 UNION ALL \
     SELECT template_id, version, status, made, waited_ms, ran_ms FROM template_uses WHERE template_id = $1"
);

impl Store {
    /// The use of a template by each job that was created from it, deleted jobs included, in any order.
    pub async fn template_uses(&self, id: &TemplateId) -> Result<Vec<Use>, StoreError> {
        self.readers().rows(statement(SELECT_USES).bind(id.as_str()), use_of).await
    }
}

/// Counts a job that is being created. If its template was deleted after it was read, nothing is counted.
pub(crate) async fn count(on: &mut WriteConnection, job: &Job) -> Result<(), StoreError> {
    const UPDATE: Sql = sql!(
        "UPDATE templates SET jobs_made = jobs_made + 1, \
         last_used = CASE WHEN last_used > $2 THEN last_used ELSE $2 END WHERE id = $1"
    );
    if let Some((id, _)) = &job.template {
        on.execute(statement(UPDATE).bind(id.as_str()).bind(job.created)).await?;
        on.note(TemplateChange::Used { id: id.bytes(), at: job.created });
    }
    Ok(())
}

/// Records the use of a template by a job that is being deleted, if the template still exists.
pub(crate) async fn keep(on: &mut WriteConnection, job: &JobId) -> Result<(), StoreError> {
    const INSERT: Sql = sql!(
        "INSERT INTO template_uses (template_id, version, status, made, waited_ms, ran_ms) \
         SELECT t.id, j.template_version, j.status, j.created, j.started - j.created, \
         CASE WHEN j.started IS NULL THEN NULL ELSE j.ran_ms END \
         FROM jobs j JOIN templates t ON t.id = j.template_id WHERE j.id = $1"
    );
    on.execute(statement(INSERT).bind(job.as_str())).await?;
    Ok(())
}

fn use_of(row: &Row<'_>) -> Result<Use, StoreError> {
    let fields = Fields::of(&USES, row);
    Ok(Use {
        version: fields.number("version")?,
        status: fields.word("status", Status::parse)?,
        made: fields.number("made")?,
        waited: fields.optional("waited_ms")?,
        ran: fields.optional("ran_ms")?,
    })
}
