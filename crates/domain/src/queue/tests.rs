//! Who starts, and why the others wait.

use proptest::prelude::*;

use super::*;
use crate::{
    capacity::GB,
    samples::{capacity, job_id, worker_size},
};

fn candidate(number: u8, priority: u8, created: i64, cores: u64, workers: u32) -> Candidate {
    let size = WorkerSize { cpu_milli: cores * 1000, ..worker_size(0) };
    Candidate { job: job_id(number), priority, created, size, workers }
}

fn with_gpus(number: u8, gpus: u32, model: Option<&str>, workers: u32) -> Candidate {
    let size = WorkerSize { gpu_model: model.map(str::to_owned), ..worker_size(gpus) };
    Candidate { job: job_id(number), priority: 2, created: i64::from(number), size, workers }
}

fn holder(number: u8, cores: u64, workers: u32, gpus: &[u32]) -> Holder {
    let size = WorkerSize { cpu_milli: cores * 1000, ..worker_size(0) };
    Holder { job: job_id(number), size, workers, gpus: gpus.to_vec() }
}

/// One line for each candidate: its number and its GPUs by worker, or all that it waits for.
fn planned(capacity: &Capacity, holders: &[Holder], waiting: Vec<Candidate>) -> Vec<String> {
    let line = |(job, decision): (JobId, Decision)| {
        let number = (1..=u8::MAX).find(|number| job_id(*number) == job).unwrap();
        match decision {
            Decision::Start(placement) => {
                assert_eq!(placement.ports, Vec::<u16>::new());
                let gpus: Vec<_> = placement.workers.into_iter().map(|worker| worker.gpus).collect();
                format!("{number} starts {gpus:?}")
            }
            Decision::Wait(reasons) => {
                let reasons: Vec<_> = reasons.iter().map(|r| format!("{}: {}", r.code.as_str(), r.message)).collect();
                format!("{number} waits {}", reasons.join("; "))
            }
        }
    };
    plan(capacity, holders, waiting).into_iter().map(line).collect()
}

#[test]
fn a_job_starts_with_all_its_workers_or_with_none() {
    let check = |workers: u32, line: &str| {
        assert_eq!(planned(&capacity(4, 16, &[]), &[], vec![candidate(1, 2, 0, 2, workers)]), [line]);
    };
    check(1, "1 starts [[]]");
    check(2, "1 starts [[], []]");
    check(3, "1 waits CentreTooSmall: needs 6 cores, 4 of 4 are free, 2 are missing");
}

#[test]
fn priority_comes_before_age() {
    let order = |waiting: Vec<Candidate>| -> Vec<String> {
        let lines = planned(&capacity(100, 100, &[]), &[], waiting);
        lines.iter().map(|line| line[..1].to_owned()).collect()
    };
    let one = |number, priority, created| candidate(number, priority, created, 1, 1);
    assert_eq!(order(vec![one(1, 1, 0), one(2, 2, 5), one(3, 3, 9), one(4, 2, 3)]), ["3", "4", "2", "1"]);
    // At the same instant the id decides, so that the order never wavers.
    assert_eq!(order(vec![one(2, 2, 5), one(1, 2, 5)]), ["1", "2"]);
}

#[test]
fn nobody_passes_a_job_that_waits_before_it() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[holder(9, 2, 1, &[])],
        vec![candidate(1, 2, 0, 1, 1), candidate(2, 2, 1, 3, 1), candidate(3, 2, 2, 1, 1), candidate(4, 1, 0, 1, 1)],
    );
    let head = job_id(2);
    assert_eq!(
        lines,
        [
            "1 starts [[]]".to_owned(),
            "2 waits WaitingForCpu: needs 3 cores, 1 of 4 are free, 2 are missing".to_owned(),
            format!("3 waits AheadInQueue: waits behind 1 job in the queue, the first of them {head}"),
            format!("4 waits AheadInQueue: waits behind 2 jobs in the queue, the first of them {head}"),
        ]
    );
}

#[test]
fn every_missing_resource_is_named_with_its_amounts() {
    let size =
        WorkerSize { cpu_milli: 1500, memory_bytes: GB + GB / 2, gpus: 1, gpu_model: Some("nvidia l40s".to_owned()) };
    let wanted = Candidate { job: job_id(1), priority: 2, created: 0, size, workers: 2 };
    let held = Holder { size: WorkerSize { memory_bytes: 14 * GB, ..worker_size(0) }, ..holder(9, 2, 1, &[0, 1]) };
    let lines = planned(&capacity(3, 16, &["NVIDIA-L40S", "NVIDIA-L40S", "H200"]), &[held], vec![wanted]);
    assert_eq!(
        lines,
        ["1 waits WaitingForCpu: needs 3 cores, 2 of 3 are free, 1 are missing; \
          WaitingForMemory: needs 3 GB of memory, 2 of 16 are free, 1 are missing; \
          WaitingForGpu: needs 2 GPUs of model nvidia l40s, 0 of 2 are free, 2 are missing"]
    );
}

#[test]
fn large_amounts_of_memory_are_said_exactly() {
    let size = WorkerSize { memory_bytes: 20_000 * GB, ..worker_size(0) };
    let wanted = Candidate { size, ..candidate(1, 2, 0, 1, 1) };
    assert_eq!(
        planned(&capacity(8, 10_000, &[]), &[], vec![wanted]),
        ["1 waits CentreTooSmall: needs 20000 GB of memory, 10000 of 10000 are free, 10000 are missing"]
    );
}

#[test]
fn accelerators_are_given_out_by_model_and_to_one_worker_each() {
    let centre = capacity(16, 16, &["A", "B", "A", "B", "B"]);
    let lines = planned(
        &centre,
        &[holder(9, 1, 1, &[1])],
        vec![with_gpus(1, 1, Some("b"), 2), with_gpus(2, 2, None, 1), with_gpus(3, 1, None, 1)],
    );
    let head = job_id(3);
    let none = "needs 1 GPUs, 0 of 5 are free, 1 are missing";
    assert_eq!(lines, ["1 starts [[3], [4]]", "2 starts [[0, 2]]", &format!("3 waits WaitingForGpu: {none}")]);
    assert_ne!(head, job_id(2));
    let unknown = planned(&centre, &[], vec![with_gpus(1, 1, Some("C"), 1)]);
    assert_eq!(unknown, ["1 waits CentreTooSmall: needs 1 GPUs of model C, 0 of 0 are free, 1 are missing"]);
}

#[test]
fn a_job_that_the_centre_can_no_longer_hold_holds_nobody_up() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[],
        vec![candidate(1, 3, 0, 8, 1), candidate(2, 2, 0, 3, 1), candidate(3, 2, 1, 2, 1), candidate(4, 1, 0, 9, 1)],
    );
    let turn = format!("AheadInQueue: waits behind 1 job in the queue, the first of them {}", job_id(3));
    assert_eq!(
        lines,
        [
            "1 waits CentreTooSmall: needs 8 cores, 4 of 4 are free, 4 are missing".to_owned(),
            "2 starts [[]]".to_owned(),
            "3 waits WaitingForCpu: needs 2 cores, 1 of 4 are free, 1 are missing".to_owned(),
            format!("4 waits CentreTooSmall: needs 9 cores, 1 of 4 are free, 8 are missing; {turn}"),
        ]
    );
}

#[test]
fn a_capacity_that_shrank_below_what_is_held_leaves_nothing_and_no_less() {
    let free = Free::after(&capacity(2, 1, &["A"]), &[holder(9, 4, 3, &[0, 7])]);
    assert_eq!(free, Free { cpu_milli: 0, memory_bytes: 0, gpus: Vec::new() });
    let huge = Holder { size: WorkerSize { cpu_milli: u64::MAX, ..worker_size(0) }, ..holder(9, 1, u32::MAX, &[]) };
    assert_eq!(Free::after(&capacity(2, 1, &[]), &[huge.clone(), huge]).cpu_milli, 0);
}

fn any_size() -> impl Strategy<Value = WorkerSize> {
    let model = proptest::option::of(proptest::sample::select(vec!["A", "b", "C"]));
    (1_u64..4000, 1_u64..8, 0_u32..3, model).prop_map(|(cpu_milli, gb, gpus, model)| WorkerSize {
        cpu_milli,
        memory_bytes: gb * GB / 2,
        gpus,
        gpu_model: model.map(str::to_owned),
    })
}

fn any_waiting() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (any_size(), 1_u32..4, 1_u8..4, 0_i64..5);
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let numbered = (1..).zip(all);
        numbered
            .map(|(number, (size, workers, priority, created))| Candidate {
                job: job_id(number),
                priority,
                created,
                size,
                workers,
            })
            .collect()
    })
}

fn any_centre() -> impl Strategy<Value = Capacity> {
    let models = proptest::collection::vec(proptest::sample::select(vec!["A", "B", "C"]), 0..8);
    (0_u64..12, 0_u64..24, models).prop_map(|(cores, gb, models)| capacity(cores, gb, &models))
}

proptest! {
    #[test]
    fn what_starts_never_takes_more_than_there_is(centre in any_centre(), waiting in any_waiting(), held in any_waiting()) {
        // What holds was itself planned at some time, so it fits.
        let took = |decisions: Vec<(JobId, Decision)>, of: &[Candidate]| -> Vec<Holder> {
            let started = decisions.into_iter().filter_map(|(job, decision)| match decision {
                Decision::Start(placement) => Some((job, placement)),
                Decision::Wait(_) => None,
            });
            started.map(|(job, placement)| {
                let candidate = of.iter().find(|candidate| candidate.job == job).unwrap();
                assert_eq!(placement.workers.len(), candidate.workers as usize);
                for worker in &placement.workers {
                    assert_eq!(worker.gpus.len(), candidate.size.gpus as usize);
                    let models = worker.gpus.iter().map(|index| &centre.gpus[*index as usize].model);
                    let wanted = candidate.size.gpu_model.as_deref();
                    assert!(models.into_iter().all(|model| wanted.is_none_or(|wanted| same_model(wanted, model))));
                }
                let gpus = placement.workers.into_iter().flat_map(|worker| worker.gpus).collect();
                Holder { job, size: candidate.size.clone(), workers: candidate.workers, gpus }
            }).collect()
        };
        let mut holders = took(plan(&centre, &[], held.clone()), &held);
        holders.extend(took(plan(&centre, &holders, waiting.clone()), &waiting));
        let sum = |of: fn(&WorkerSize) -> u64| holders.iter().map(|h| of(&h.size) * u64::from(h.workers)).sum::<u64>();
        prop_assert!(sum(|size| size.cpu_milli) <= centre.cpu_milli);
        prop_assert!(sum(|size| size.memory_bytes) <= centre.memory_bytes);
        let gpus: Vec<_> = holders.iter().flat_map(|holder| &holder.gpus).collect();
        let distinct: BTreeSet<_> = gpus.iter().collect();
        prop_assert_eq!(gpus.len(), distinct.len());
    }

    #[test]
    fn everybody_is_decided_about_once_and_who_waits_knows_why(centre in any_centre(), waiting in any_waiting()) {
        let decisions = plan(&centre, &[], waiting.clone());
        prop_assert_eq!(decisions.len(), waiting.len());
        let jobs: BTreeSet<_> = decisions.iter().map(|(job, _)| job.clone()).collect();
        prop_assert_eq!(jobs, waiting.iter().map(|candidate| candidate.job.clone()).collect::<BTreeSet<_>>());
        for (_, decision) in &decisions {
            if let Decision::Wait(reasons) = decision {
                prop_assert!(!reasons.is_empty());
            }
        }
    }

    #[test]
    fn the_order_in_which_jobs_are_listed_does_not_matter(centre in any_centre(), waiting in any_waiting()) {
        let reversed = waiting.iter().rev().cloned().collect();
        prop_assert_eq!(plan(&centre, &[], waiting), plan(&centre, &[], reversed));
    }
}
