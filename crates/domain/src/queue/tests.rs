//! Who starts, and why the others wait.

mod passing;
mod sentences;
mod simulation;
mod starts;

use super::*;
use crate::{
    capacity::{Capacity, GB},
    samples::{at, capacity, job_id, span, worker_size},
};

/// A job that runs for ever.
const ENDLESS: Length = Length { limit: None, grace: span(30_000) };

fn plan_now(capacity: &Capacity, allocations: &[Allocation], waiting: &[Candidate]) -> Vec<(JobId, Decision)> {
    plan(Situation { now: at(1_000), capacity, rules: Rules::default(), allocations }, waiting)
}

fn candidate(number: u8, priority: u8, created: i64, cores: u64, workers: u32) -> Candidate {
    let size = WorkerSize { cpu_milli: cores * 1000, ..worker_size(0) };
    Candidate { job: job_id(number), priority, since: at(created), ran: Span::ZERO, size, workers, length: ENDLESS }
}

fn with_gpus(number: u8, gpus: u32, model: Option<&str>, workers: u32) -> Candidate {
    let size = WorkerSize { gpu_model: model.map(str::to_owned), ..worker_size(gpus) };
    Candidate { size, ..candidate(number, 2, i64::from(number), 1, workers) }
}

fn allocation(cores: u64, workers: u32, gpus: &[u32]) -> Allocation {
    let size = WorkerSize { cpu_milli: cores * 1000, ..worker_size(0) };
    Allocation { size, workers, gpus: gpus.to_vec(), placed: at(0), started: None, length: ENDLESS }
}

/// One line for each candidate: its number and its GPUs by worker, or all that it waits for.
fn planned(capacity: &Capacity, allocations: &[Allocation], waiting: Vec<Candidate>) -> Vec<String> {
    let line = |(job, decision): (JobId, Decision)| {
        let number = (1..=u8::MAX).find(|number| job_id(*number) == job).unwrap();
        match decision {
            Decision::Start(placement) => {
                assert_eq!(placement.ports, Vec::<u16>::new());
                let gpus: Vec<_> = placement.workers.into_iter().map(|worker| worker.gpus).collect();
                format!("{number} starts {gpus:?}")
            }
            Decision::Wait(reasons) => {
                let reasons: Vec<_> =
                    reasons.reasons(&[]).iter().map(|r| format!("{}: {}", r.code.as_str(), r.message)).collect();
                format!("{number} waits {}", reasons.join("; "))
            }
        }
    };
    plan_now(capacity, allocations, &waiting).into_iter().map(line).collect()
}

/// What the first of so many is told while nobody knows when it starts.
fn head_of(all: u64) -> String {
    let why = "when it starts is not known, since what it needs is held without a time limit";
    format!("FirstInQueue: is number 1 of {all} in the queue: {why}")
}

/// What those behind the first are told.
fn turn(place: u64, all: u64, head: &JobId) -> String {
    let behind = crate::text::counted(place - 1, "job");
    format!("AheadInQueue: is number {place} of {all} in the queue: waits behind {behind} of which the first is {head}")
}
