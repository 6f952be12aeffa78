//! The resources that live attempts hold, in all centres.

use std::collections::BTreeMap;

use trainyard_domain::{id::CentreId, job::Status, queue::Allocation};
use trainyard_store::{HeldResources, Store};

use super::{Centres, RunningCentre};
use crate::failure::Failure;

/// The states of a job with a live attempt.
const LIVE: [Status; 4] = [Status::Pending, Status::Starting, Status::Running, Status::Stopping];

/// The states of a job that holds resources.
const HOLDING: [Status; 3] = [Status::Starting, Status::Running, Status::Stopping];

/// The allocations of all live attempts.
#[derive(Debug)]
pub struct Allocations(Vec<Held>);

#[derive(Debug)]
struct Held {
    /// `None` if the allocation counts in all centres of the server's host.
    centre: Option<CentreId>,
    /// `None` if the row does not say how much the attempt holds.
    allocation: Option<Allocation>,
}

impl Allocations {
    /// Reads the sizes of all live jobs, without the rest of their rows.
    ///
    /// Errors: those of the store.
    pub async fn read(store: &Store, centres: &Centres) -> Result<Self, Failure> {
        let held = store.allocations_in(&HOLDING).await?.into_iter();
        let one = |HeldResources { centre, allocation, .. }| Held {
            centre: centre.filter(|id| !centres.was_here(*id)),
            allocation,
        };
        Ok(Self(held.map(one).collect()))
    }

    /// The allocations that count in a centre: see [`Centres::counts`]. A job of unknown size holds all that the centre has.
    pub(super) fn of(&self, centre: &RunningCentre) -> impl Iterator<Item = Allocation> {
        let view = centre.view();
        let all = move || Allocation::of_all(&view.capacity);
        self.counted(centre).map(move |held| held.allocation.clone().unwrap_or_else(&all))
    }

    /// Whether jobs of unknown size count in a centre.
    pub(super) fn has_unreadable(&self, centre: &RunningCentre) -> bool {
        self.counted(centre).any(|held| held.allocation.is_none())
    }

    fn counted(&self, centre: &RunningCentre) -> impl Iterator<Item = &Held> {
        let (id, is_here) = (centre.id(), centre.engine.local().is_some());
        self.0.iter().filter(move |held| held.centre.map_or(is_here, |its| its == id))
    }
}

/// Logs which centres are missing in the configuration while jobs still run in them.
///
/// Errors: those of the store.
pub async fn log_missing(store: &Store, centres: &Centres) -> Result<(), Failure> {
    let mut jobs: BTreeMap<CentreId, usize> = BTreeMap::new();
    let held = store.allocations_in(&LIVE).await?.into_iter();
    for centre in held.filter_map(|held| held.centre).filter(|centre| centres.get(*centre).is_none()) {
        *jobs.entry(centre).or_default() += 1;
    }
    for (centre, live) in jobs {
        let outcome = if centres.engine(centre).is_some() { "managed to their end" } else { "not managed" };
        tracing::warn!("centre {centre} is missing in the configuration; its {live} live jobs are {outcome}");
    }
    Ok(())
}
