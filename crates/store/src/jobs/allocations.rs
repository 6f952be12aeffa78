//! What jobs hold: the resources of live attempts, and the storages of all that have not ended.
//!
//! Others must not get what a job holds even if its row is damaged, so each row is read as far as it can be.

use serde::Deserialize;
use trainyard_domain::{
    capacity::WorkerSize,
    id::{CentreId, JobId},
    job::{Placement, Status},
    job_spec::Mount,
    queue::{Allocation, Length},
    time::{Span, WallTime},
};

use super::{
    record::JOBS,
    versions::{RowVersion, row_version},
};
use crate::{
    Store, StoreError,
    rows::{Fields, Row, Table},
    sql::{LIST_MAX, SqlList, Statement, sql_list, statement_of_list},
};

const SPECS: Table = Table { name: "job_specs", key: &["id"] };
const ATTEMPTS: Table = Table { name: "attempts", key: &["id", "attempt"] };

macro_rules! allocation_columns {
    () => {
        "j.id, j.attempt, j.row_version, j.centre, j.ran_ms, j.created, s.spec, a.placement, a.placed, \
         a.started AS attempt_started FROM jobs j LEFT JOIN job_specs s ON s.job_id = j.id \
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
    /// The centre in which it runs; `None` if that cannot be read.
    pub centre: Option<CentreId>,
    /// Cores, memory and accelerators, and how long it may hold them; `None` if the amounts cannot be read.
    pub allocation: Option<Allocation>,
    /// The ports of its centre's host, as far as they can be read.
    pub ports: Vec<u16>,
}

/// The storages that a job mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMounts {
    /// The id of the job.
    pub job: JobId,
    /// The centre of the job; `None` if it cannot be read.
    pub centre: Option<CentreId>,
    /// Its mounts; `None` if they cannot be read.
    pub mounts: Option<Vec<Mount>>,
}

/// The part of a spec that says how much a job takes, and for how long.
#[derive(Deserialize)]
struct Request {
    size: WorkerSize,
    workers: u32,
    timeout_seconds: Option<u64>,
    stop_grace_seconds: u32,
}

/// The part of a spec that says what a job mounts.
#[derive(Deserialize)]
struct Mounts {
    mounts: Vec<Mount>,
}

impl Store {
    /// The resources that the latest attempts of the jobs in these states hold, in any order.
    pub async fn allocations_in(&self, statuses: &[Status]) -> Result<Vec<HeldResources>, StoreError> {
        const SELECT: SqlList = sql_list!("SELECT ", allocation_columns!(), " WHERE j.status IN ($list)");
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let select = statement_of_list(SELECT, statuses.iter().map(|status| status.as_str()));
        self.partly(select, held).await
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
            all.extend(self.partly(statement_of_list(SELECT, some.iter().map(JobId::as_str)), held).await?);
        }
        Ok(all)
    }

    /// The mounts of all jobs in some states.
    pub async fn mounts_in(&self, statuses: &[Status]) -> Result<Vec<JobMounts>, StoreError> {
        const SELECT: SqlList = sql_list!(
            "SELECT j.id, j.centre, s.spec FROM jobs j LEFT JOIN job_specs s ON s.job_id = j.id WHERE j.status IN ($list)"
        );
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        self.partly(statement_of_list(SELECT, statuses.iter().map(|status| status.as_str())), mounts).await
    }

    /// Rows that are read as far as they can be; the log names once what could not be read.
    async fn partly<T: Send + 'static>(
        &self,
        select: Statement<'_>,
        mut read: impl FnMut(&Row<'_>, &mut Vec<StoreError>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let with_faults = move |row: &Row<'_>| {
            let mut faults = Vec::new();
            Ok((read(row, &mut faults)?, faults))
        };
        let mut all = Vec::new();
        for (record, faults) in self.readers().rows(select, with_faults).await? {
            faults.iter().for_each(|fault| self.unreadable().report(fault));
            all.push(record);
        }
        Ok(all)
    }
}

/// A value, or a fault to report.
fn or_fault<T>(read: Result<T, StoreError>, faults: &mut Vec<StoreError>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn held(row: &Row<'_>, faults: &mut Vec<StoreError>) -> Result<HeldResources, StoreError> {
    let job = Fields::of(&JOBS, row);
    let attempt = Fields::of(&ATTEMPTS, row);
    let request: Option<Request> = or_fault(Fields::of(&SPECS, row).json("spec"), faults);
    let placement = match attempt.get::<Option<&str>>("placement") {
        Ok(None) => Some(Placement::default()),
        _ => or_fault(attempt.json("placement"), faults),
    };
    let allocation = request.and_then(|request| {
        let gpus = match &placement {
            Some(placement) => placement.workers.iter().flat_map(|worker| worker.gpus.iter().copied()).collect(),
            None if request.size.gpus == 0 => Vec::new(),
            None => return None,
        };
        let created = or_fault(job.number("created"), faults).unwrap_or(WallTime::from_ms(0));
        let ran = or_fault(job.number::<Span>("ran_ms"), faults).unwrap_or_default();
        Some(Allocation {
            size: request.size,
            workers: request.workers,
            gpus,
            placed: or_fault(attempt.optional("placed"), faults).flatten().unwrap_or(created),
            started: or_fault(attempt.optional("attempt_started"), faults).flatten(),
            length: Length::left(request.timeout_seconds, request.stop_grace_seconds, ran),
        })
    });
    Ok(HeldResources {
        job: job.parsed("id")?,
        version: row_version(&job, faults),
        centre: or_fault(job.number("centre").map(CentreId), faults),
        allocation,
        ports: placement.map(|placement| placement.ports).unwrap_or_default(),
    })
}

fn mounts(row: &Row<'_>, faults: &mut Vec<StoreError>) -> Result<JobMounts, StoreError> {
    let job = Fields::of(&JOBS, row);
    Ok(JobMounts {
        job: job.parsed("id")?,
        centre: or_fault(job.number("centre").map(CentreId), faults),
        mounts: or_fault(Fields::of(&SPECS, row).json("spec"), faults).map(|Mounts { mounts }| mounts),
    })
}
