//! Who starts and where: all workers of a job together, in order, and never more than there is.

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
    check(3, "1 waits CentreTooSmall: needs 6 cores and the centre has 4 in all now: as things are it can never start");
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
fn nobody_without_a_limit_passes_into_what_is_kept_for_those_before_it() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[allocation(2, 1, &[])],
        vec![candidate(1, 2, 0, 1, 1), candidate(2, 2, 1, 3, 1), candidate(3, 2, 2, 1, 1), candidate(4, 1, 0, 1, 1)],
    );
    let head = job_id(2);
    let kept = format!(
        "it fits now, but what it would take is kept for {head}, of which nobody knows when it can start: \
         only time limits of jobs that run or wait before it would help"
    );
    assert_eq!(
        lines,
        [
            "1 starts [[]]".to_owned(),
            format!("2 waits WaitingForCpu: needs 3 cores, 1 of 4 is free, 2 are missing; {}", head_of(3)),
            format!("3 waits {}; {kept}", turn(2, 3, &head)),
            format!("4 waits {}; {kept}", turn(3, 3, &head)),
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
            "1 waits WaitingForCpu: needs 3 cores, 2 of 3 are free, 1 is missing; \
             WaitingForMemory: needs 3 GB of memory, 2 of 16 are free, 1 is missing; \
             WaitingForGpu: needs 2 GPUs of model nvidia l40s, 0 of 2 are free, 2 are missing; {}",
            head_of(1)
        )]
    );
}

#[test]
fn large_amounts_of_memory_are_said_exactly() {
    let size = WorkerSize { memory_bytes: 20_000 * GB, ..worker_size(0) };
    let wanted = Candidate { size, ..candidate(1, 2, 0, 1, 1) };
    assert_eq!(
        planned(&capacity(8, 10_000, &[]), &[], vec![wanted]),
        [
            "1 waits CentreTooSmall: needs 20000 GB of memory and the centre has 10000 in all now: as things are it can never start"
        ]
    );
}

#[test]
fn accelerators_are_given_out_by_model_and_to_one_worker_each() {
    let centre = capacity(16, 16, &["A", "B", "A", "B", "B"]);
    let lines = planned(
        &centre,
        &[allocation(1, 1, &[1])],
        vec![with_gpus(1, 1, Some("b"), 2), with_gpus(2, 2, None, 1), with_gpus(3, 1, None, 1)],
    );
    let none = format!("3 waits WaitingForGpu: needs 1 GPU, 0 of 5 are free, 1 is missing; {}", head_of(1));
    assert_eq!(lines, ["1 starts [[3], [4]]", "2 starts [[0, 2]]", &none]);
    let unknown = planned(&centre, &[], vec![with_gpus(1, 1, Some("C"), 1)]);
    assert_eq!(
        unknown,
        [
            "1 waits CentreTooSmall: needs 1 GPU of model C and the centre has 0 in all now: as things are it can never start"
        ]
    );
}

#[test]
fn a_job_that_the_centre_can_no_longer_hold_holds_nobody_up() {
    let lines = planned(
        &capacity(4, 16, &[]),
        &[],
        vec![candidate(1, 3, 0, 8, 1), candidate(2, 2, 0, 3, 1), candidate(3, 2, 1, 2, 1), candidate(4, 1, 0, 9, 1)],
    );
    assert_eq!(
        lines,
        [
            "1 waits CentreTooSmall: needs 8 cores and the centre has 4 in all now: as things are it can never start"
                .to_owned(),
            "2 starts [[]]".to_owned(),
            format!("3 waits WaitingForCpu: needs 2 cores, 1 of 4 is free, 1 is missing; {}", head_of(1)),
            "4 waits CentreTooSmall: needs 9 cores and the centre has 4 in all now: as things are it can never start"
                .to_owned(),
        ]
    );
}

#[test]
fn a_capacity_that_shrank_below_what_is_held_leaves_nothing_and_no_less() {
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
    fn what_starts_never_takes_more_than_there_is(centre in any_centre(), waiting in any_waiting(), held in any_waiting()) {
        // What holds was itself planned at some time, so it fits.
        let took = |decisions: Vec<(JobId, Decision)>, of: &[Candidate]| -> Vec<Allocation> {
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
        let mut allocations = took(plan_now(&centre, &[], &held), &held);
        allocations.extend(took(plan_now(&centre, &allocations, &waiting), &waiting));
        let sum = |of: fn(&WorkerSize) -> u64| allocations.iter().map(|h| of(&h.size) * u64::from(h.workers)).sum::<u64>();
        prop_assert!(sum(|size| size.cpu_milli) <= centre.cpu_milli);
        prop_assert!(sum(|size| size.memory_bytes) <= centre.memory_bytes);
        let gpus: Vec<_> = allocations.iter().flat_map(|allocation| &allocation.gpus).collect();
        let distinct: BTreeSet<_> = gpus.iter().collect();
        prop_assert_eq!(gpus.len(), distinct.len());
    }

    #[test]
    fn everybody_is_decided_about_once_and_who_waits_knows_why(centre in any_centre(), waiting in any_waiting()) {
        let decisions = plan_now(&centre, &[], &waiting);
        prop_assert_eq!(decisions.len(), waiting.len());
        let jobs: BTreeSet<_> = decisions.iter().map(|(job, _)| job.clone()).collect();
        prop_assert_eq!(jobs, waiting.iter().map(|candidate| candidate.job.clone()).collect::<BTreeSet<_>>());
        for (_, decision) in &decisions {
            if let Decision::Wait(wait) = decision {
                prop_assert!(!wait.reasons(&[]).is_empty());
                let codes: Vec<_> = wait.reasons(&[]).iter().map(|reason| reason.code).collect();
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
