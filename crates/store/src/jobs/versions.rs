//! The versions of jobs' rows: a loop that keeps what it has read asks which jobs have changed since.

use trainyard_domain::{
    id::JobId,
    job::{Job, Status},
};

use super::record::{JOBS, job_columns, job_joins, job_of};
use crate::{
    Store, StoreError,
    rows::{Fields, Row, only_text},
    sql::{LIST_MAX, SqlList, sql_list, statement_of_list},
};

/// A number that each change of a job raises.
pub type RowVersion = i64;

/// The version of a row whose version cannot be read: no change gives it.
const NO_VERSION: RowVersion = -1;

impl Store {
    /// The jobs in these states, each with its version. The result is one text, for which the database walks over an
    /// index alone: this is cheap enough to call often, however many jobs wait.
    pub async fn versions_in(&self, statuses: &[Status]) -> Result<Vec<(JobId, RowVersion)>, StoreError> {
        const SELECT: SqlList =
            sql_list!("SELECT string_agg(id || ' ' || row_version, ',') AS jobs FROM jobs WHERE status IN ($list)");
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let select = statement_of_list(SELECT, statuses.iter().map(|status| status.as_str()));
        let text = self.readers().row(select, only_text).await?.flatten().unwrap_or_default();
        let mut all = Vec::new();
        for pair in text.split_terminator(',') {
            all.extend(self.unreadable().readable(self.version_of(pair))?);
        }
        Ok(all)
    }

    /// These jobs, as far as they exist and can be read, in any order, each with its version and its latest attempt.
    pub async fn jobs_with_versions(&self, ids: &[JobId]) -> Result<Vec<(Job, RowVersion)>, StoreError> {
        const SELECT: SqlList =
            sql_list!("SELECT ", job_columns!(), " FROM jobs j ", job_joins!(), " WHERE j.id IN ($list)");
        let job_with_version = |row: &Row<'_>| Ok((job_of(row)?, Fields::of(&JOBS, row).number("row_version")?));
        let mut all = Vec::with_capacity(ids.len());
        for some in ids.chunks(LIST_MAX) {
            let select = statement_of_list(SELECT, some.iter().map(JobId::as_str));
            all.extend(self.readers().rows(select, job_with_version).await?);
        }
        Ok(all)
    }

    /// A pair of the text. A job whose version cannot be read is not left out: it may hold resources.
    fn version_of(&self, pair: &str) -> Result<(JobId, RowVersion), StoreError> {
        let (id, version) = pair.rsplit_once(' ').unwrap_or((pair, ""));
        let unreadable =
            |column, why: String| StoreError::UnreadableRow { table: JOBS.name, id: id.to_owned(), column, why };
        let job = id.parse().map_err(|error| unreadable("id", format!("{error}")))?;
        let version = version.parse().map_err(|error| unreadable("row_version", format!("{error}")));
        Ok((job, self.unreadable().readable(version)?.unwrap_or(NO_VERSION)))
    }
}

/// The version of a job's row.
pub(super) fn row_version(job: &Fields<'_>, faults: &mut Vec<StoreError>) -> RowVersion {
    job.number("row_version").map_err(|fault| faults.push(fault)).unwrap_or(NO_VERSION)
}
