//! Which jobs start and where: all workers of a job together, in order, and never beyond the capacity.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::capacity::same_model;

#[test]
fn a_job_starts_with_all_its_workers_or_with_none() {
    let check = |workers: u32, line: &str| {
        assert_eq!(planned(&capacity(4, 16, &[]), &[], vec![candidate(1, 2, 0, 2, workers)]), [line]);
    };
    check(1, "1 starts [[]]");
    check(2, "1 starts [[], []]");
    check(3, "1 waits CentreTooSmall: needs 6 cores, but the centre has only 4 in total, so it cannot start");
}

#[test]
fn priority_comes_before_age() {
    let order = |waiting: Vec<Candidate>| -> Vec<String> {
        let lines = planned(&capacity(100, 100, &[]), &[], waiting);
        lines.iter().map(|line| line[..1].to_owned()).collect()
    };
    let one = |number, priority, created| candidate(number, priority, created, 1, 1);
    assert_eq!(order(vec![one(1, 1, 0), one(2, 2, 5), one(3, 3, 9), one(4, 2, 3)]), ["3", "4", "2", "1"]);
    // At the same instant the id decides, so the order is stable.
    assert_eq!(order(vec![one(2, 2, 5), one(1, 2, 5)]), ["1", "2"]);
}

#[test]
fn a_job_without_a_limit_does_not_take_resources_reserved_for_earlier_jobs() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[allocation(2, 1, &[])],
        vec![candidate(1, 2, 0, 1, 1), candidate(2, 2, 1, 3, 1), candidate(3, 2, 2, 1, 1), candidate(4, 1, 0, 1, 1)],
    );
    let head = job_id(2);
    let reserved = format!(
        "it fits now, but the resources are reserved for {head}, whose start time is unknown; only time \
         limits of running jobs or of jobs ahead of it would help"
    );
    assert_eq!(
        lines,
        [
            "1 starts [[]]".to_owned(),
            format!("2 waits WaitingForCpu: needs 3 cores: 1 of 4 free, 2 missing; {}", head_of(3)),
            format!("3 waits {}; {reserved}", behind(2, 3, &head)),
            format!("4 waits {}; {reserved}", behind(3, 3, &head)),
        ]
    );
}

#[test]
fn every_missing_resource_is_named_with_its_amounts() {
    let size =
        WorkerSize { cpu_milli: 1500, memory_bytes: GB + GB / 2, gpus: 1, gpu_model: Some("nvidia l40s".to_owned()) };
    let wanted = Candidate { size, ..candidate(1, 2, 0, 1, 2) };
    let held = Allocation { size: WorkerSize { memory_bytes: 14 * GB, ..worker_size(0) }, ..allocation(2, 1, &[0, 1]) };
    let lines = planned(&capacity(3, 16, &["NVIDIA-L40S", "NVIDIA-L40S", "H200"]), &[held], vec![wanted]);
    assert_eq!(
        lines,
        [format!(
            "1 waits WaitingForCpu: needs 3 cores: 2 of 3 free, 1 missing; \
             WaitingForMemory: needs 3 GB of memory: 2 of 16 free, 1 missing; \
             WaitingForGpu: needs 2 GPUs of model nvidia l40s: 0 of 2 free, 2 missing; {}",
            head_of(1)
        )]
    );
}

#[test]
fn large_amounts_of_memory_are_shown_exactly() {
    let size = WorkerSize { memory_bytes: 20_000 * GB, ..worker_size(0) };
    let wanted = Candidate { size, ..candidate(1, 2, 0, 1, 1) };
    assert_eq!(
        planned(&capacity(8, 10_000, &[]), &[], vec![wanted]),
        [
            "1 waits CentreTooSmall: needs 20000 GB of memory, but the centre has only 10000 in total, so it cannot start"
        ]
    );
}

#[test]
fn accelerators_are_allocated_by_model_and_to_one_worker_each() {
    let centre = capacity(16, 16, &["A", "B", "A", "B", "B"]);
    let lines = planned(
        &centre,
        &[allocation(1, 1, &[1])],
        vec![with_gpus(1, 1, Some("b"), 2), with_gpus(2, 2, None, 1), with_gpus(3, 1, None, 1)],
    );
    let none = format!("3 waits WaitingForGpu: needs 1 GPU: 0 of 5 free, 1 missing; {}", head_of(1));
    assert_eq!(lines, ["1 starts [[3], [4]]", "2 starts [[0, 2]]", &none]);
    let unknown = planned(&centre, &[], vec![with_gpus(1, 1, Some("C"), 1)]);
    assert_eq!(
        unknown,
        ["1 waits CentreTooSmall: needs 1 GPU of model C, but the centre has none, so it cannot start"]
    );
}

#[test]
fn a_job_that_is_too_large_for_the_centre_delays_no_other_job() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[],
        vec![candidate(1, 3, 0, 8, 1), candidate(2, 2, 0, 3, 1), candidate(3, 2, 1, 2, 1), candidate(4, 1, 0, 9, 1)],
    );
    assert_eq!(
        lines,
        [
            "1 waits CentreTooSmall: needs 8 cores, but the centre has only 4 in total, so it cannot start".to_owned(),
            "2 starts [[]]".to_owned(),
            format!("3 waits WaitingForCpu: needs 2 cores: 1 of 4 free, 1 missing; {}", head_of(1)),
            "4 waits CentreTooSmall: needs 9 cores, but the centre has only 4 in total, so it cannot start".to_owned(),
        ]
    );
}

#[test]
fn a_capacity_below_the_allocations_leaves_nothing_free() {
    let free = Free::after(&capacity(2, 1, &["A"]), &[allocation(4, 3, &[0, 7])]);
    assert_eq!(free, Free { cpu_milli: 0, memory_bytes: 0, gpus: Vec::new() });
    let huge =
        Allocation { size: WorkerSize { cpu_milli: u64::MAX, ..worker_size(0) }, ..allocation(1, u32::MAX, &[]) };
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
                size,
                ..candidate(number, priority, created, 1, workers)
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
    fn jobs_never_start_beyond_the_capacity(centre in any_centre(), waiting in any_waiting(), held in any_waiting()) {
        // The allocations were planned before, so they fit.
        let allocated = |decisions: Vec<(JobId, Decision)>, of: &[Candidate]| -> Vec<Allocation> {
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
                let gpus: Vec<u32> = placement.workers.into_iter().flat_map(|worker| worker.gpus).collect();
                Allocation { size: candidate.size.clone(), workers: candidate.workers, gpus, ..allocation(0, 0, &[]) }
            }).collect()
        };
        let mut allocations = allocated(plan_now(&centre, &[], &held), &held);
        allocations.extend(allocated(plan_now(&centre, &allocations, &waiting), &waiting));
        let sum = |of: fn(&WorkerSize) -> u64| allocations.iter().map(|h| of(&h.size) * u64::from(h.workers)).sum::<u64>();
        prop_assert!(sum(|size| size.cpu_milli) <= centre.cpu_milli);
        prop_assert!(sum(|size| size.memory_bytes) <= centre.memory_bytes);
        let gpus: Vec<_> = allocations.iter().flat_map(|allocation| &allocation.gpus).collect();
        let distinct: BTreeSet<_> = gpus.iter().collect();
        prop_assert_eq!(gpus.len(), distinct.len());
    }

    #[test]
    fn each_job_gets_one_decision_and_each_waiting_job_has_reasons(centre in any_centre(), waiting in any_waiting()) {
        let decisions = plan_now(&centre, &[], &waiting);
        prop_assert_eq!(decisions.len(), waiting.len());
        let jobs: BTreeSet<_> = decisions.iter().map(|(job, _)| job.clone()).collect();
        prop_assert_eq!(jobs, waiting.iter().map(|candidate| candidate.job.clone()).collect::<BTreeSet<_>>());
        for (_, decision) in &decisions {
            if let Decision::Wait(wait) = decision {
                prop_assert!(!wait.reasons(&[], JobId::to_string).is_empty());
                let codes: Vec<_> = wait.reasons(&[], JobId::to_string).iter().map(|reason| reason.code).collect();
                prop_assert_eq!(codes, wait.codes().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_order_in_which_jobs_are_listed_does_not_matter(centre in any_centre(), waiting in any_waiting()) {
        let reversed: Vec<_> = waiting.iter().rev().cloned().collect();
        prop_assert_eq!(plan_now(&centre, &[], &waiting), plan_now(&centre, &[], &reversed));
    }
}
