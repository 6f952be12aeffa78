//! Which of the jobs on their way have changed: for a loop that keeps what it has read.

use trainyard_domain::{
    id::JobId,
    job::{Job, Status},
};

use super::{record::job_of, select_jobs};
use crate::{Store, StoreError, db, list::Sql, rows::Fields};

/// How many jobs one statement reads.
pub(super) const AT_ONCE: usize = 500;

/// A number that each change of a job raises.
pub type RowVersion = i64;

impl Store {
    /// The jobs that are in one of some states, each with its version. The answer is one text that the index alone is
    /// walked for, so that asking often costs little, however many wait.
    pub async fn versions_in(&self, statuses: &[Status]) -> Result<Vec<(JobId, RowVersion)>, StoreError> {
        let mut select =
            Sql::new("SELECT string_agg(id || ' ' || row_version, ' ') AS jobs FROM jobs WHERE status IN (");
        let mut list = select.separated(", ");
        for status in statuses {
            list.push_bind(status.as_str());
        }
        select.push(")");
        let Some(row) = db::row(self.readers(), select.build()).await? else {
            return Ok(Vec::new());
        };
        let text: Option<&str> = Fields::of("jobs", &row).get("jobs")?;
        let mut words = text.unwrap_or_default().split_ascii_whitespace();
        let mut all = Vec::new();
        while let (Some(id), Some(version)) = (words.next(), words.next()) {
            let bad = || StoreError::Bug(format!("{id} {version} is no job with its version"));
            all.push((id.parse().map_err(|_| bad())?, version.parse().map_err(|_| bad())?));
        }
        Ok(all)
    }

    /// These jobs as far as they exist, in any order, each with its version and its latest attempt.
    pub async fn jobs_with_versions(&self, ids: &[JobId]) -> Result<Vec<(Job, RowVersion)>, StoreError> {
        let mut all = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let mut select = Sql::new(select_jobs!("jobs j", " WHERE j.id IN ("));
            let mut list = select.separated(", ");
            for id in some {
                list.push_bind(id.as_str());
            }
            select.push(")");
            for row in db::rows(self.readers(), select.build()).await? {
                all.push((job_of(&row)?, Fields::of("jobs", &row).number("row_version")?));
            }
        }
        Ok(all)
    }
}
