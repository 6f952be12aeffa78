//! Who starts now, and why the others wait: a pure plan over a snapshot of one centre.
//!
//! A job starts with all its workers or not at all. The order is class, then age (`order`). Who waits keeps what it
//! needs: a place in the future where the ends of those that run are known, else all that is free of it (`reserve`).
//! Whoever stands behind passes only beside all that is kept (`plan`). Only a job for which the centre has become too
//! small keeps nothing, since it would do so for ever.

mod amount;
mod length;
mod order;
mod plan;
mod reason;
mod reserve;
#[cfg(test)]
mod tests;

pub use length::{Length, Rules};
pub use order::order;
pub use plan::{Decision, Situation, plan};
pub use reason::{BackfillVerdict, Lack, QuarantinedGpu, QueuePosition, Thing, Wait};

use std::collections::BTreeSet;

use crate::{
    capacity::{Capacity, Gpu, WorkerSize},
    id::JobId,
    job::Job,
    time::{Span, WallTime},
};

/// A job that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub job: JobId,
    /// 1 to 3; 3 goes first.
    pub priority: u8,
    /// When it was made, or last restarted by a person: its age among those of its class.
    pub since: WallTime,
    /// What it ran since then, in attempts that have ended; that time it did not wait.
    pub ran: Span,
    /// What each worker takes.
    pub size: WorkerSize,
    /// How many workers.
    pub workers: u32,
    /// How long it will hold that.
    pub length: Length,
}

impl Candidate {
    /// What the queue needs to know of a job that waits.
    pub fn of(job: &Job) -> Self {
        Self {
            job: job.id.clone(),
            priority: job.spec.priority,
            since: job.queued,
            ran: job.ran,
            size: job.spec.size.clone(),
            workers: job.spec.workers,
            length: Length::of(job),
        }
    }
}

/// What an attempt on its way holds, or what is left of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// What each worker takes.
    pub size: WorkerSize,
    /// How many workers.
    pub workers: u32,
    /// The accelerators it holds, by index.
    pub gpus: Vec<u32>,
    /// When it was given its place.
    pub placed: WallTime,
    /// When all its workers ran.
    pub started: Option<WallTime>,
    /// How long it may hold all this, from its start.
    pub length: Length,
}

impl Allocation {
    /// What a job's latest attempt holds.
    pub fn of(job: &Job) -> Self {
        let attempt = job.attempt.as_ref();
        let places = attempt.into_iter().flat_map(|attempt| &attempt.placement.workers);
        Self {
            size: job.spec.size.clone(),
            workers: job.spec.workers,
            gpus: places.flat_map(|place| place.gpus.iter().copied()).collect(),
            placed: attempt.map_or(job.created, |attempt| attempt.placed),
            started: attempt.and_then(|attempt| attempt.started),
            length: Length::of(job),
        }
    }

    /// Accelerators that are held by nobody and not free either, until nobody knows when.
    pub fn of_gpus(gpus: Vec<u32>) -> Self {
        Self {
            size: WorkerSize { cpu_milli: 0, memory_bytes: 0, gpus: 0, gpu_model: None },
            workers: 0,
            gpus,
            placed: WallTime::from_ms(0),
            started: None,
            length: Length { limit: None, grace: Span::ZERO },
        }
    }
}

/// What nobody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory_bytes: u64,
    /// Accelerators.
    pub gpus: Vec<Gpu>,
}

impl Free {
    /// What is left of a capacity beside what is held; never below nothing, even where the capacity has shrunk.
    pub fn after(capacity: &Capacity, allocations: &[Allocation]) -> Self {
        let held: BTreeSet<u32> = allocations.iter().flat_map(|allocation| allocation.gpus.iter().copied()).collect();
        let sum = |of: fn(&WorkerSize) -> u64| {
            allocations.iter().map(|h| of(&h.size).saturating_mul(u64::from(h.workers))).fold(0, u64::saturating_add)
        };
        Self {
            cpu_milli: capacity.cpu_milli.saturating_sub(sum(|size| size.cpu_milli)),
            memory_bytes: capacity.memory_bytes.saturating_sub(sum(|size| size.memory_bytes)),
            gpus: capacity.gpus.iter().filter(|gpu| !held.contains(&gpu.index)).cloned().collect(),
        }
    }
}
