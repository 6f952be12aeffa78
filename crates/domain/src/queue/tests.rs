//! Which jobs start, and why the others wait.

mod backfill;
mod sentences;
mod simulation;
mod starts;

use super::*;
use crate::{
    capacity::{Capacity, GB},
    samples::{at, capacity, job_id, span, worker_size},
};

/// The length of a job without a time limit.
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

/// One line for each candidate: its number with its GPUs by worker, or with the reasons why it waits.
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
                let reasons: Vec<_> = reasons
                    .reasons(&[], JobId::to_string)
                    .iter()
                    .map(|r| format!("{}: {}", r.code.as_str(), r.message))
                    .collect();
                format!("{number} waits {}", reasons.join("; "))
            }
        }
    };
    plan_now(capacity, allocations, &waiting).into_iter().map(line).collect()
}

/// The reason of the head of a queue of `total` jobs, if its start time is unknown.
fn head_of(total: u64) -> String {
    let why = "its start time is unknown, because jobs without a time limit hold what it needs";
    format!("FirstInQueue: 1st of {total} in the queue; {why}")
}

/// The reason of a job behind the head: position 2 or 3.
fn behind(number: u64, total: u64, head: &JobId) -> String {
    let (ordinal, others) = if number == 2 { ("2nd", "") } else { ("3rd", " and 1 other") };
    format!("AheadInQueue: {ordinal} of {total} in the queue, behind {head}{others}")
}
