//! The queue of one centre: which jobs start now, and why the others wait. A pure plan over a snapshot.
//!
//! A job starts with all its workers or not at all. Jobs are ordered by class, then by age (`order`). A job that does not
//! fit holds a reservation: an interval in the future (`timeline`) if the ends of the running jobs are known, otherwise all
//! the resources it needs from now on. Later jobs backfill only beside all reservations (`plan`). A job for which the
//! centre has become too small holds none, since its reservation would never end.

mod amount;
mod length;
mod order;
mod plan;
#[cfg(test)]
mod tests;
mod timeline;
mod wait;

pub use length::{Length, Rules};
pub use order::order;
pub use plan::{Decision, Situation, plan};
pub use wait::{BackfillVerdict, QuarantinedGpu, QueuePosition, Resource, Shortage, Wait};

use std::collections::BTreeSet;

use crate::{
    capacity::{Capacity, Gpu, WorkerSize},
    id::JobId,
    job::Job,
    time::{Span, WallTime},
};

/// A queued job, as far as the plan needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Id of the job.
    pub job: JobId,
    /// Priority class, 1 to 3; 3 goes first.
    pub priority: u8,
    /// When the job was created or last restarted by a user: its age within its class.
    pub since: WallTime,
    /// Running time since then, in attempts that have ended. This time was not spent waiting.
    pub ran: Span,
    /// The resources of each worker.
    pub size: WorkerSize,
    /// Number of workers.
    pub workers: u32,
    /// The longest time for which the job will hold its resources.
    pub length: Length,
}

impl Candidate {
    /// The candidate of a queued job.
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

/// Resources that a live attempt holds, or that are quarantined after one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The resources of each worker.
    pub size: WorkerSize,
    /// Number of workers.
    pub workers: u32,
    /// The accelerators that the attempt holds, by index.
    pub gpus: Vec<u32>,
    /// When the resources were allocated.
    pub placed: WallTime,
    /// When all workers ran; `None` before that.
    pub started: Option<WallTime>,
    /// The longest time for which the attempt may hold all this, counted from its start.
    pub length: Length,
}

impl Allocation {
    /// The allocation of a job's latest attempt.
    pub fn of(job: &Job) -> Self {
        let attempt = job.attempt.as_ref();
        let workers = attempt.into_iter().flat_map(|attempt| &attempt.placement.workers);
        Self {
            size: job.spec.size.clone(),
            workers: job.spec.workers,
            gpus: workers.flat_map(|worker| worker.gpus.iter().copied()).collect(),
            placed: attempt.map_or(job.created, |attempt| attempt.placed),
            started: attempt.and_then(|attempt| attempt.started),
            length: Length::of(job),
        }
    }

    /// An allocation of everything that a centre has, with an unknown end: for a job that holds an unknown amount.
    pub fn of_all(capacity: &Capacity) -> Self {
        let size = WorkerSize {
            cpu_milli: capacity.cpu_milli,
            memory_bytes: capacity.memory_bytes,
            gpus: u32::try_from(capacity.gpus.len()).unwrap_or(u32::MAX),
            gpu_model: None,
        };
        Self { size, workers: 1, ..Self::of_gpus(capacity.gpus.iter().map(|gpu| gpu.index).collect()) }
    }

    /// An allocation of quarantined accelerators, with an unknown end: no job holds them, and no job gets them.
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

/// The resources that no allocation holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// The free accelerators, in the order of the capacity.
    pub gpus: Vec<Gpu>,
}

impl Free {
    /// The capacity without the allocations; 0 if the capacity has shrunk below the allocations.
    pub fn after(capacity: &Capacity, allocations: &[Allocation]) -> Self {
        let held: BTreeSet<u32> = allocations.iter().flat_map(|allocation| allocation.gpus.iter().copied()).collect();
        let sum = |amount: fn(&WorkerSize) -> u64| {
            let each = allocations.iter().map(|one| amount(&one.size).saturating_mul(u64::from(one.workers)));
            each.fold(0, u64::saturating_add)
        };
        Self {
            cpu_milli: capacity.cpu_milli.saturating_sub(sum(|size| size.cpu_milli)),
            memory_bytes: capacity.memory_bytes.saturating_sub(sum(|size| size.memory_bytes)),
            gpus: capacity.gpus.iter().filter(|gpu| !held.contains(&gpu.index)).cloned().collect(),
        }
    }
}
