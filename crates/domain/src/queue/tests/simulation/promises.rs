//! What holds in every queue.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    naive,
    strict::by_order,
    world::{Task, World, by_plan, id},
    *,
};
const HOUR: i64 = 3_600_000;

/// How jobs really end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// With their limit and grace; without a limit never.
    Exactly,
    /// At any time before that.
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

/// Jobs of at most 25 s that come within so many seconds; `endless` of ten have no limit.
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
            let really = match ends {
                Ends::Exactly => whole,
                Ends::Early => Some(part(whole.unwrap_or(span(60_000)))),
            };
            let (job, since) = (id(number), at(second * 1000));
            Task { candidate: Candidate { job, priority, since, ran: Span::ZERO, size, workers, length }, really }
        };
        (0..).zip(all).map(task).collect()
    })
}

fn any_centre(models: &'static [&'static str]) -> impl Strategy<Value = Capacity> {
    let models = proptest::collection::vec(proptest::sample::select(models), 0..6);
    (2_u64..10, 2_u64..10, models).prop_map(|(cores, gb, models)| capacity(cores, gb, &models))
}

/// Few, so that some have none.
fn any_places() -> impl Strategy<Value = usize> {
    proptest::sample::select(vec![0_usize, 1, 2, 128])
}

const ONE: &[&str] = &["A"];
const TWO: &[&str] = &["A", "b"];

/// Calls `look` at every moment with the world before its starts and after them.
fn follow(mut world: World, mut look: impl FnMut(&World, &World)) -> World {
    loop {
        let before = world.clone();
        world.start(by_plan);
        look(&before, &world);
        if !world.tick() {
            return world;
        }
    }
}

/// The world as it goes on when nobody else comes.
fn closed(world: &World) -> World {
    World { coming: Vec::new(), ..world.clone() }
}

/// Nobody who stands behind a job changes when it starts: with and without them, in all that follows, it is the same.
fn nobody_behind_matters(before: &World, after: &World) {
    let order: Vec<JobId> = before.order().iter().map(|candidate| candidate.job.clone()).collect();
    let with = closed(after).run(by_plan).started;
    for (place, job) in order.iter().enumerate().filter(|(_, job)| !after.started.contains_key(*job)) {
        let is_behind = |other: &JobId| order[place + 1..].contains(other);
        let mut without = closed(after);
        without.waiting.retain(|task| !is_behind(&task.candidate.job));
        without.running.retain(|run| !is_behind(&run.task.candidate.job));
        let without = without.run(by_plan).started;
        assert_eq!(with.get(job), without.get(job), "{job} is moved by those behind it, at {:?}", after.now);
    }
}

/// From here on the first of the queue starts no later than if nobody passed it, and so does everybody else where
/// `everybody` is asked for.
fn backfill_costs_nothing(before: &World, everybody: bool) {
    let with = closed(before).run(by_plan).started;
    let without = closed(before).run(by_order).started;
    let order = before.order();
    for candidate in order.iter().take(if everybody { order.len() } else { 1 }) {
        let Some(strict) = without.get(&candidate.job) else { continue };
        let planned = with.get(&candidate.job);
        assert!(planned.is_some_and(|at| at <= strict), "{} waits longer: {planned:?}, {strict:?}", candidate.job);
    }
}

/// Jobs for which the centre is too small never start, so they are left out.
fn world(capacity: Capacity, tasks: Vec<Task>, places: usize) -> World {
    let fits = |task: &Task| {
        let alone = [task.candidate.clone()];
        let situation = Situation { now: at(0), capacity: &capacity, rules: Rules::default(), allocations: &[] };
        matches!(plan(situation, &alone)[0].1, Decision::Start(_))
    };
    let coming = tasks.into_iter().filter(fits).collect();
    // Nobody rises, however long an endless job holds up the others: the order is that of the priorities.
    let world = World::new(capacity, Rules { ageing: Span::MAX, ..Rules::default() }, coming);
    World { places, ..world }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nobody_behind_a_job_moves_its_start(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO), places in any_places(),
    ) {
        follow(world(capacity, tasks, places), nobody_behind_matters);
    }

    #[test]
    fn the_first_starts_no_later_than_without_backfill(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO), places in any_places(),
    ) {
        follow(world(capacity, tasks, places), |before, _| backfill_costs_nothing(before, false));
    }

    #[test]
    fn with_one_model_of_accelerators_nobody_at_all_starts_later_than_without_backfill(
        capacity in any_centre(ONE), tasks in any_tasks(Ends::Exactly, 1, 40, ONE), places in any_places(),
    ) {
        follow(world(capacity, tasks, places), |before, _| backfill_costs_nothing(before, true));
    }

    #[test]
    fn what_the_first_is_promised_is_kept_however_early_others_end(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Early, 3, 0, TWO), places in any_places(),
    ) {
        let mut promised: BTreeMap<JobId, WallTime> = BTreeMap::new();
        let end = follow(world(capacity, tasks, places), |before, _| {
            for (job, decision) in before.decisions() {
                let Decision::Wait(Wait { turn: Some(QueuePosition { ahead: None, latest, .. }), .. }) = decision else {
                    continue;
                };
                let latest = latest.map(|latest| before.now + latest);
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
    fn everybody_starts_once_where_everybody_ends(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Early, 3, 40, TWO), places in any_places(),
    ) {
        let world = world(capacity, tasks, places);
        let all = world.coming.len();
        let end = world.run(by_plan);
        prop_assert_eq!((end.started.len(), end.waiting.len()), (all, 0));
    }

    #[test]
    fn the_plan_decides_as_the_plainest_way_does(
        capacity in any_centre(TWO), tasks in any_tasks(Ends::Exactly, 2, 40, TWO),
    ) {
        follow(world(capacity, tasks, 128), |before, _| {
            let planned: Vec<JobId> = by_plan(before).into_iter().map(|(job, _)| job).collect();
            assert_eq!(planned, naive::starts(before), "at {:?}", before.now);
        });
    }
}

/// A stream of jobs of the highest priority that never ends leaves the centre no gap of its own.
#[test]
fn everybody_starts_some_day_beside_a_stream_of_urgent_jobs() {
    let task = |number: u32, priority, created, cores, limit_ms| Task {
        candidate: Candidate {
            job: id(number),
            length: Length { limit: Some(span(limit_ms)), grace: Span::ZERO },
            ..candidate(1, priority, created, cores, 1)
        },
        really: Some(span(limit_ms)),
    };
    let mut coming: Vec<_> =
        (10..400).map(|number| task(number, 3, i64::from(number - 10) * HOUR / 2, 2, 2 * HOUR)).collect();
    // One needs the whole centre and one a part, and both are of the lowest class.
    coming.extend([task(1, 1, 1, 4, HOUR), task(2, 1, 2, 1, HOUR)]);
    let end = World::new(capacity(4, 1000, &[]), Rules::default(), coming).run(by_plan);
    // In the highest class after two periods, they wait for nobody but those that were made before them.
    assert!(end.started[&id(1)] <= at(28 * HOUR), "{:?}", end.started[&id(1)]);
    assert!(end.started[&id(2)] <= at(28 * HOUR), "{:?}", end.started[&id(2)]);
    assert_eq!(end.waiting.len(), 0);
}
