//! The resources that live jobs hold, without the rest of the jobs.

use serde::Deserialize;
use trainyard_domain::{
    capacity::WorkerSize,
    id::{CentreId, JobId},
    job::{Placement, Status},
    queue::{Allocation, Length},
};

use super::{record::JOBS, versions::RowVersion};
use crate::{
    Store, StoreError,
    rows::{Fields, Row, Table},
    sql::{LIST_MAX, SqlList, sql_list, statement_of_list},
};

const SPECS: Table = Table { name: "job_specs", key: &["id"] };
const ATTEMPTS: Table = Table { name: "attempts", key: &["id", "attempt"] };

macro_rules! allocation_columns {
    () => {
        "j.id, j.attempt, j.row_version, j.centre, j.ran_ms, j.created, s.spec, a.placement, a.placed, \
         a.started AS attempt_started FROM jobs j JOIN job_specs s ON s.job_id = j.id \
         LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempt"
    };
}

/// The resources that the latest attempt of a job holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldResources {
    /// The id of the job.
    pub job: JobId,
    /// The version of the job's row.
    pub version: RowVersion,
    /// The centre in which the job runs.
    pub centre: CentreId,
    /// Cores, memory and accelerators, and how long it may hold them.
    pub allocation: Allocation,
    /// The ports on the host of the job's centre.
    pub ports: Vec<u16>,
}

/// The part of a spec that says how much a job takes, and for how long.
#[derive(Deserialize)]
struct Request {
    size: WorkerSize,
    workers: u32,
    timeout_seconds: Option<u64>,
    stop_grace_seconds: u32,
}

impl Store {
    /// The resources that the latest attempts of the jobs in these states hold, in any order.
    pub async fn allocations_in(&self, statuses: &[Status]) -> Result<Vec<HeldResources>, StoreError> {
        const SELECT: SqlList = sql_list!("SELECT ", allocation_columns!(), " WHERE j.status IN ($list)");
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let select = statement_of_list(SELECT, statuses.iter().map(|status| status.as_str()));
        self.readers().rows(select, held).await
    }

    /// The same for the jobs among these that are starting, running or stopping. Their resources can often be read
    /// although the whole job cannot.
    pub async fn allocations_of(&self, ids: &[JobId]) -> Result<Vec<HeldResources>, StoreError> {
        const SELECT: SqlList = sql_list!(
            "SELECT ",
            allocation_columns!(),
            " WHERE j.status IN ('Starting', 'Running', 'Stopping') AND j.id IN ($list)"
        );
        let mut all = Vec::new();
        for some in ids.chunks(LIST_MAX) {
            all.extend(self.readers().rows(statement_of_list(SELECT, some.iter().map(JobId::as_str)), held).await?);
        }
        Ok(all)
    }
}

fn held(row: &Row<'_>) -> Result<HeldResources, StoreError> {
    let job = Fields::of(&JOBS, row);
    let attempt = Fields::of(&ATTEMPTS, row);
    let request: Request = Fields::of(&SPECS, row).json("spec")?;
    let placement = match attempt.get::<Option<&str>>("placement")? {
        Some(_) => attempt.json("placement")?,
        None => Placement::default(),
    };
    let placed = match attempt.optional("placed")? {
        Some(placed) => placed,
        None => job.number("created")?,
    };
    let allocation = Allocation {
        size: request.size,
        workers: request.workers,
        gpus: placement.workers.iter().flat_map(|worker| worker.gpus.iter().copied()).collect(),
        placed,
        started: attempt.optional("attempt_started")?,
        length: Length::left(request.timeout_seconds, request.stop_grace_seconds, job.number("ran_ms")?),
    };
    Ok(HeldResources {
        job: job.parsed("id")?,
        version: job.number("row_version")?,
        centre: CentreId(job.number("centre")?),
        allocation,
        ports: placement.ports,
    })
}
