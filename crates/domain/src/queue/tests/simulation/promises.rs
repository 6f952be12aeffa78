//! Properties of every queue.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    naive,
    strict::by_order,
    world::{Task, World, by_plan, id},
    *,
};
const HOUR: i64 = 3_600_000;

/// When jobs actually end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// Each job ends after its limit and grace; a job without a limit never ends.
    Exactly,
    /// Each job ends at any time before that.
    Early,
}

fn any_size(models: &'static [&'static str]) -> impl Strategy<Value = WorkerSize> {
    let model = proptest::option::of(proptest::sample::select(models));
    (1_u64..5, 1_u64..4, 0_u32..3, model).prop_map(|(cores, gb, gpus, model)| WorkerSize {
        cpu_milli: cores * 1000,
        memory_bytes: gb * GB,
        gpus,
        gpu_model: model.map(str::to_owned),
    })
}

/// Jobs of at most 25 s that arrive within `within` seconds; `endless` of ten have no limit.
fn any_tasks(
    ends: Ends,
    endless: u32,
    within: i64,
    models: &'static [&'static str],
) -> impl Strategy<Value = Vec<Task>> {
    let one = (any_size(models), 1_u32..3, 1_u8..4, 0..=within, 1_i64..20, 0_u32..10, 0_i64..100);
    proptest::collection::vec(one, 1..11).prop_map(move |all| {
        let task = |(number, (size, workers, priority, second, limit, lot, share)): (u32, _)| {
            let limit = (lot >= endless).then_some(Span::from_seconds(limit));
            let length = Length { limit, grace: Span::ZERO };
            let whole: Option<Span> = length.lasts(Rules::default());
            let part = |whole: Span| span(whole.as_ms() * share / 100 + 1);
            let actual = match ends {
                Ends::Exactly => whole,
                Ends::Early => Some(part(whole.unwrap_or(span(60_000)))),
            };
            let (job, since) = (id(number), at(second * 1000));
            Task { candidate: Candidate { job, priority, since, ran: Span::ZERO, size, workers, length }, actual }
        };
        (0..).zip(all).map(task).collect()
    })
}

fn any_centre(models: &'static [&'static str]) -> impl Strategy<Value = Capacity> {
    let models = proptest::collection::vec(proptest::sample::select(models), 0..6);
    (2_u64..10, 2_u64..10, models).prop_map(|(cores, gb, models)| capacity(cores, gb, &models))
}

/// Limits of intervals, some so low that blocked jobs have none.
fn any_intervals() -> impl Strategy<Value = usize> {
    proptest::sample::select(vec![0_usize, 1, 2, 128])
}

const ONE: &[&str] = &["A"];
const TWO: &[&str] = &["A", "b"];

/// Calls `check` at every moment with the world before the starts and after them.
fn step_through(mut world: World, mut check: impl FnMut(&World, &World)) -> World {
    loop {
        let before = world.clone();
        world.start(by_plan);
        check(&before, &world);
        if !world.tick() {
            return world;
        }
    }
}

/// The world without further arrivals.
fn without_arrivals(world: &World) -> World {
    World { arrivals: Vec::new(), ..world.clone() }
}

/// The jobs behind a job do not change its start: it is the same with and without them.
fn check_later_jobs_change_nothing(before: &World, after: &World) {
    let order: Vec<JobId> = before.order().iter().map(|candidate| candidate.job.clone()).collect();
    let with = without_arrivals(after).run(by_plan).started;
    for (place, job) in order.iter().enumerate().filter(|(_, job)| !after.started.contains_key(*job)) {
        let is_behind = |other: &JobId| order[place + 1..].contains(other);
        let mut without = without_arrivals(after);
        without.waiting.retain(|task| !is_behind(&task.candidate.job));
        without.running.retain(|run| !is_behind(&run.task.candidate.job));
        let without = without.run(by_plan).started;
        assert_eq!(with.get(job), without.get(job), "{job} is moved by jobs behind it, at {:?}", after.now);
    }
}

/// From here on the head of the queue starts no later than without backfill, and with `all_jobs` every other job too.
fn check_backfill_delays_no_job(before: &World, all_jobs: bool) {
    let with = without_arrivals(before).run(by_plan).started;
    let without = without_arrivals(before).run(by_order).started;
    let order = before.order();
    for candidate in order.iter().take(if all_jobs { order.len() } else { 1 }) {
        let Some(strict) = without.get(&candidate.job) else { continue };
        let planned = with.get(&candidate.job);
        assert!(planned.is_some_and(|at| at <= strict), "{} waits longer: {planned:?}, {strict:?}", candidate.job);
    }
}

/// A world without the jobs for which the centre is too small: they would never start.
fn world(capacity: Capacity, tasks: Vec<Task>, intervals: usize) -> World {
    let fits = |task: &Task| {
        let alone = [task.candidate.clone()];
        let situation = Situation { now: at(0), capacity: &capacity, rules: Rules::default(), allocations: &[] };
        matches!(plan(situation, &alone)[0].1, Decision::Start(_))
    };
    let arrivals = tasks.into_iter().filter(fits).collect();
    // No job changes its class, however long a job without a limit delays the others: the order is by priority.
    let world = World::new(capacity, Rules { ageing: Span::MAX, ..Rules::default() }, arrivals);
    World { intervals, ..world }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn later_jobs_never_move_the_start_of_an_earlier_job(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO), intervals in any_intervals(),
    ) {
        step_through(world(capacity, tasks, intervals), check_later_jobs_change_nothing);
    }

    #[test]
    fn the_head_starts_no_later_than_without_backfill(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO), intervals in any_intervals(),
    ) {
        step_through(world(capacity, tasks, intervals), |before, _| check_backfill_delays_no_job(before, false));
    }

    #[test]
    fn with_one_model_of_accelerators_no_job_starts_later_than_without_backfill(
        capacity in any_centre(ONE), tasks in any_tasks(Ends::Exactly, 1, 40, ONE), intervals in any_intervals(),
    ) {
        step_through(world(capacity, tasks, intervals), |before, _| check_backfill_delays_no_job(before, true));
    }

    #[test]
    fn the_promised_start_of_the_head_holds_however_early_others_end(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Early, 3, 0, TWO), intervals in any_intervals(),
    ) {
        let mut promised: BTreeMap<JobId, WallTime> = BTreeMap::new();
        let end = step_through(world(capacity, tasks, intervals), |before, _| {
            for (job, decision) in before.decisions() {
                let Decision::Wait(Wait { position: Some(QueuePosition { head: None, starts_within, .. }), .. }) = decision else {
                    continue;
                };
                let latest = starts_within.map(|span| before.now + span);
                if let Some(earlier) = promised.get(&job) {
                    assert!(latest.is_some_and(|latest| latest <= *earlier), "{job} was promised {earlier:?}, {latest:?}");
                }
                promised.extend(latest.map(|latest| (job, latest)));
            }
        });
        for (job, latest) in promised {
            prop_assert!(end.started[&job] <= latest, "{job}");
        }
    }

    #[test]
    fn each_job_starts_once_if_each_job_ends(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Early, 3, 40, TWO), intervals in any_intervals(),
    ) {
        let world = world(capacity, tasks, intervals);
        let all = world.arrivals.len();
        let end = world.run(by_plan);
        prop_assert_eq!((end.started.len(), end.waiting.len()), (all, 0));
    }

    #[test]
    fn the_plan_decides_like_a_naive_implementation(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO),
    ) {
        step_through(world(capacity, tasks, 128), |before, _| {
            let planned: Vec<JobId> = by_plan(before).into_iter().map(|(job, _)| job).collect();
            assert_eq!(planned, naive::starts(before), "at {:?}", before.now);
        });
    }
}

/// An endless stream of jobs of the highest priority leaves the centre no gap.
#[test]
fn no_job_starves_under_a_stream_of_urgent_jobs() {
    let task = |number: u32, priority, created, cores, limit_ms| Task {
        candidate: Candidate {
            job: id(number),
            length: Length { limit: Some(span(limit_ms)), grace: Span::ZERO },
            ..candidate(1, priority, created, cores, 1)
        },
        actual: Some(span(limit_ms)),
    };
    let mut arrivals: Vec<_> =
        (10..400).map(|number| task(number, 3, i64::from(number - 10) * HOUR / 2, 2, 2 * HOUR)).collect();
    // One job needs the whole centre and one a part; both are of the lowest class.
    arrivals.extend([task(1, 1, 1, 4, HOUR), task(2, 1, 2, 1, HOUR)]);
    let end = World::new(capacity(4, 1000, &[]), Rules::default(), arrivals).run(by_plan);
    // After two periods they are in the highest class and wait only for jobs that were created before them.
    assert!(end.started[&id(1)] <= at(28 * HOUR), "{:?}", end.started[&id(1)]);
    assert!(end.started[&id(2)] <= at(28 * HOUR), "{:?}", end.started[&id(2)]);
    assert_eq!(end.waiting.len(), 0);
}
