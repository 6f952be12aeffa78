//! What jobs on their way hold, without the rest of them: for whoever only adds it up.

use serde::Deserialize;
use trainyard_domain::{
    capacity::WorkerSize,
    id::CentreId,
    job::{Placement, Status},
    queue::{Allocation, Length},
};

use crate::{
    Store, StoreError, db,
    list::Sql,
    rows::{Fields, Row},
};

/// The part of a spec that says how much and for how long.
#[derive(Deserialize)]
struct Wants {
    size: WorkerSize,
    workers: u32,
    timeout_seconds: Option<u64>,
    stop_grace_seconds: u32,
}

impl Store {
    /// What the latest attempts of the jobs in some states hold, each with its centre, in any order.
    pub async fn allocations_in(&self, statuses: &[Status]) -> Result<Vec<(CentreId, Allocation)>, StoreError> {
        if statuses.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Sql::new(
            "SELECT j.centre, j.ran_ms, j.created, s.spec, a.placement, a.placed, a.started AS attempt_started \
             FROM jobs j JOIN job_specs s ON s.job_id = j.id \
             LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempt WHERE j.status IN (",
        );
        let mut list = select.separated(", ");
        for status in statuses {
            list.push_bind(status.as_str());
        }
        select.push(")");
        db::rows(self.readers(), select.build()).await?.iter().map(held).collect()
    }
}

fn held(row: &Row) -> Result<(CentreId, Allocation), StoreError> {
    let fields = Fields::of("jobs", row);
    let wants: Wants = fields.json("spec")?;
    let placement = match fields.get::<Option<&str>>("placement")? {
        Some(_) => fields.json("placement")?,
        None => Placement::default(),
    };
    let placed = match fields.get("placed")? {
        Some(placed) => placed,
        None => fields.number("created")?,
    };
    let allocation = Allocation {
        size: wants.size,
        workers: wants.workers,
        gpus: placement.workers.into_iter().flat_map(|place| place.gpus).collect(),
        placed,
        started: fields.get("attempt_started")?,
        length: Length::left(wants.timeout_seconds, wants.stop_grace_seconds, fields.number("ran_ms")?),
    };
    Ok((CentreId(fields.number("centre")?), allocation))
}
