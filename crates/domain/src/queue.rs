//! Who starts now, and why the others wait: a pure plan over a snapshot of one centre.
//!
//! A job starts with all its workers or not at all. The order is priority, then age; nobody passes a job that waits
//! before it, so the order is also the order of starting. Only a job for which the centre has become too small holds
//! nobody up, since it would do so for ever.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    capacity::{Capacity, Gpu, WorkerSize, same_model},
    id::JobId,
    job::{Placement, WorkerPlace},
    spec::{choice, decimal_text, gb_text},
    template::Millis,
    text::counted,
};

choice!(
    /// What a job waits for.
    WaitCode {
        /// Cores.
        Cpu = "WaitingForCpu",
        /// Memory.
        Memory = "WaitingForMemory",
        /// Accelerators.
        Gpu = "WaitingForGpu",
        /// Its turn.
        Turn = "AheadInQueue",
        /// Ports of this host.
        Ports = "WaitingForPorts",
        /// Free space in the data directory.
        Disk = "WaitingForDisk",
        /// The centre's engine does not answer.
        Engine = "EngineUnavailable",
        /// The centre is no longer in the configuration.
        Centre = "CentreUnknown",
        /// The centre has become too small for it.
        TooSmall = "CentreTooSmall",
    }
);

/// One thing that a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingReason {
    /// What.
    pub code: WaitCode,
    /// How much is missing, or who is ahead, as a sentence.
    pub message: String,
}

impl WaitingReason {
    /// A reason from its code and sentence.
    pub fn new(code: WaitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A job that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub job: JobId,
    /// 1 to 3; 3 goes first.
    pub priority: u8,
    /// When it was made.
    pub created: Millis,
    /// What each worker takes.
    pub size: WorkerSize,
    /// How many workers.
    pub workers: u32,
}

/// What an attempt on its way holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Whose.
    pub job: JobId,
    /// What each worker takes.
    pub size: WorkerSize,
    /// How many workers.
    pub workers: u32,
    /// The accelerators it holds, by index.
    pub gpus: Vec<u32>,
}

/// What the plan says of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It starts now, there.
    Start(Placement),
    /// It waits, for all of these.
    Wait(Vec<WaitingReason>),
}

/// Decides about every candidate, in the order in which they stand in the queue.
pub fn plan(capacity: &Capacity, holders: &[Holder], mut waiting: Vec<Candidate>) -> Vec<(JobId, Decision)> {
    waiting.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.created.cmp(&b.created)).then_with(|| a.job.cmp(&b.job)));
    let mut free = Free::after(capacity, holders);
    let mut blocked: Option<JobId> = None;
    let mut ahead = 0_u64;
    let mut decisions = Vec::with_capacity(waiting.len());
    for candidate in waiting {
        let mut reasons = free.missing(capacity, &candidate);
        if let Some(head) = &blocked {
            let message = format!("waits behind {} in the queue, the first of them {head}", counted(ahead, "job"));
            reasons.push(WaitingReason::new(WaitCode::Turn, message));
        }
        let decision = if reasons.is_empty() {
            Decision::Start(free.take(&candidate))
        } else {
            if !reasons.iter().any(|reason| reason.code == WaitCode::TooSmall) {
                blocked.get_or_insert_with(|| candidate.job.clone());
                ahead += 1;
            }
            Decision::Wait(reasons)
        };
        decisions.push((candidate.job, decision));
    }
    decisions
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
    pub fn after(capacity: &Capacity, holders: &[Holder]) -> Self {
        let held: BTreeSet<u32> = holders.iter().flat_map(|holder| holder.gpus.iter().copied()).collect();
        let sum = |of: fn(&WorkerSize) -> u64| {
            holders.iter().map(|h| of(&h.size).saturating_mul(u64::from(h.workers))).fold(0, u64::saturating_add)
        };
        Self {
            cpu_milli: capacity.cpu_milli.saturating_sub(sum(|size| size.cpu_milli)),
            memory_bytes: capacity.memory_bytes.saturating_sub(sum(|size| size.memory_bytes)),
            gpus: capacity.gpus.iter().filter(|gpu| !held.contains(&gpu.index)).cloned().collect(),
        }
    }

    fn missing(&self, capacity: &Capacity, candidate: &Candidate) -> Vec<WaitingReason> {
        let (size, count) = (&candidate.size, u64::from(candidate.workers));
        let mut reasons = Vec::new();
        let mut lacks = |code, what: &str, wanted: u64, free: u64, all: u64, text: &dyn Fn(u64) -> String| {
            if wanted <= free {
                return;
            }
            let code = if wanted > all { WaitCode::TooSmall } else { code };
            let message = format!(
                "needs {} {what}, {} of {} are free, {} are missing",
                text(wanted),
                text(free),
                text(all),
                text(wanted - free)
            );
            reasons.push(WaitingReason::new(code, message));
        };
        let cores = size.cpu_milli.saturating_mul(count);
        lacks(WaitCode::Cpu, "cores", cores, self.cpu_milli, capacity.cpu_milli, &decimal_text);
        let memory = size.memory_bytes.saturating_mul(count);
        lacks(WaitCode::Memory, "GB of memory", memory, self.memory_bytes, capacity.memory_bytes, &gb_text);
        let fitting = |gpus: &[Gpu]| gpus.iter().filter(|gpu| is_wanted(size, gpu)).count() as u64;
        let what = size.gpu_model.as_ref().map_or_else(|| "GPUs".to_owned(), |model| format!("GPUs of model {model}"));
        let wanted = u64::from(size.gpus).saturating_mul(count);
        lacks(WaitCode::Gpu, &what, wanted, fitting(&self.gpus), fitting(&capacity.gpus), &|n| n.to_string());
        reasons
    }

    fn take(&mut self, candidate: &Candidate) -> Placement {
        let (size, count) = (&candidate.size, u64::from(candidate.workers));
        self.cpu_milli = self.cpu_milli.saturating_sub(size.cpu_milli.saturating_mul(count));
        self.memory_bytes = self.memory_bytes.saturating_sub(size.memory_bytes.saturating_mul(count));
        let workers = (0..candidate.workers).map(|_| WorkerPlace { gpus: self.take_gpus(size) }).collect();
        Placement { workers, ports: Vec::new() }
    }

    fn take_gpus(&mut self, size: &WorkerSize) -> Vec<u32> {
        let mut taken = Vec::new();
        self.gpus.retain(|gpu| {
            let take = taken.len() < size.gpus as usize && is_wanted(size, gpu);
            if take {
                taken.push(gpu.index);
            }
            !take
        });
        taken
    }
}

fn is_wanted(size: &WorkerSize, gpu: &Gpu) -> bool {
    size.gpu_model.as_ref().is_none_or(|model| same_model(model, &gpu.model))
}
