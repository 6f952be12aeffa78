//! The resources that live attempts hold, in all centres.

use std::collections::BTreeMap;

use trainyard_domain::{
    id::CentreId,
    job::{Job, Status},
    queue::Allocation,
};
use trainyard_store::Store;

use super::{Centres, RunningCentre};
use crate::failure::Failure;

/// The states of a job with a live attempt.
const LIVE: [Status; 4] = [Status::Pending, Status::Starting, Status::Running, Status::Stopping];

/// The states of a job that holds resources.
const HOLDING: [Status; 3] = [Status::Starting, Status::Running, Status::Stopping];

/// Every job with a live attempt, in any centre.
///
/// Errors: those of the store.
pub async fn live_jobs(store: &Store) -> Result<Vec<Job>, Failure> {
    Ok(store.jobs_in(&LIVE).await?)
}

/// The allocation of every live attempt with its centre, or with `None` if it counts in all centres of the server's
/// host.
#[derive(Debug)]
pub struct Allocations(Vec<(Option<CentreId>, Allocation)>);

impl Allocations {
    /// Reads the sizes of all live jobs, without the rest of their rows.
    ///
    /// Errors: those of the store.
    pub async fn read(store: &Store, centres: &Centres) -> Result<Self, Failure> {
        let held = store.allocations_in(&HOLDING).await?.into_iter();
        Ok(Self(held.map(|held| ((!centres.was_here(held.centre)).then_some(held.centre), held.allocation)).collect()))
    }

    /// The allocations that count in a centre: see [`Centres::counts`].
    pub(super) fn of(&self, centre: &RunningCentre) -> impl Iterator<Item = &Allocation> {
        let (id, is_here) = (centre.view.id, centre.engine.local().is_some());
        self.0.iter().filter(move |(its, _)| its.map_or(is_here, |its| its == id)).map(|(_, allocation)| allocation)
    }
}

/// Logs which centres are missing in the configuration while jobs still run in them.
///
/// Errors: those of the store.
pub async fn log_missing(store: &Store, centres: &Centres) -> Result<(), Failure> {
    let mut jobs: BTreeMap<CentreId, usize> = BTreeMap::new();
    let held = store.allocations_in(&LIVE).await?.into_iter();
    for centre in held.map(|held| held.centre).filter(|centre| centres.get(*centre).is_none()) {
        *jobs.entry(centre).or_default() += 1;
    }
    for (centre, live) in jobs {
        let outcome = if centres.engine(centre).is_some() { "managed to their end" } else { "not managed" };
        tracing::warn!("centre {centre} is missing in the configuration; its {live} live jobs are {outcome}");
    }
    Ok(())
}
