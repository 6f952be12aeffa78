//! Backfill: which jobs start before the head of the queue.

use super::*;

const HOUR: i64 = 3_600_000;
/// The overhead of a job beyond its limit: the grace and the margin.
const OVER: i64 = 35_000;

fn limited(number: u8, cores: u64, limit_ms: i64) -> Candidate {
    let length = Length { limit: Some(span(limit_ms)), ..ENDLESS };
    Candidate { length, ..candidate(number, 2, i64::from(number), cores, 1) }
}

fn endless(number: u8, cores: u64) -> Candidate {
    candidate(number, 2, i64::from(number), cores, 1)
}

/// An allocation of cores until its limit and grace are over.
fn until(cores: u64, limit_ms: i64) -> Allocation {
    Allocation { length: Length { limit: Some(span(limit_ms)), ..ENDLESS }, ..allocation(cores, 1, &[]) }
}

/// The numbers of the jobs that start.
fn starting(rules: Rules, capacity: &Capacity, allocations: &[Allocation], waiting: &[Candidate]) -> Vec<u8> {
    let number = |job: &JobId| (1..=u8::MAX).find(|number| job_id(*number) == *job).unwrap();
    let decisions = plan(Situation { now: at(0), capacity, rules, allocations }, waiting);
    let starts = decisions.iter().filter(|(_, decision)| matches!(decision, Decision::Start(_)));
    starts.map(|(job, _)| number(job)).collect()
}

fn check(capacity: &Capacity, allocations: &[Allocation], waiting: &[Candidate], expected: &[u8]) {
    assert_eq!(starting(Rules::default(), capacity, allocations, waiting), expected);
}

#[test]
fn a_job_that_ends_before_the_head_can_start_backfills() {
    let centre = capacity(4, 64, &[]);
    let held = [until(3, HOUR)];
    check(&centre, &held, &[endless(1, 4), limited(2, 1, HOUR)], &[2]);
    check(&centre, &held, &[endless(1, 4), limited(2, 1, HOUR + 1)], &[]);
    // Two such jobs do not both fit.
    check(&centre, &held, &[endless(1, 4), limited(2, 1, HOUR), limited(3, 1, HOUR)], &[2]);
}

#[test]
fn a_job_beside_the_reservation_of_the_head_backfills_without_a_limit() {
    let centre = capacity(4, 64, &[]);
    check(&centre, &[until(2, HOUR)], &[endless(1, 3), endless(2, 1)], &[2]);
    check(&centre, &[until(2, HOUR)], &[endless(1, 3), endless(2, 2)], &[]);
    check(&centre, &[until(2, HOUR)], &[endless(1, 3), endless(2, 1), endless(3, 1)], &[2]);
}

#[test]
fn a_head_with_an_unknown_start_reserves_all_its_resources_from_now_on() {
    let centre = capacity(4, 64, &["A", "A"]);
    let head = with_gpus(1, 2, None, 1);
    let held = [allocation(1, 1, &[0])];
    // The head needs one core of three: two stay free for others, but the free GPU is reserved, whatever their limit.
    check(&centre, &held, &[head.clone(), endless(2, 2)], &[2]);
    check(&centre, &held, &[head.clone(), endless(2, 3)], &[]);
    check(&centre, &held, &[head.clone(), limited(2, 3, 1000)], &[]);
    let one = Candidate { size: worker_size(1), ..limited(2, 1, 1000) };
    check(&centre, &held, &[head, one], &[]);
}

#[test]
fn no_job_delays_the_jobs_between_it_and_the_head() {
    let centre = capacity(4, 64, &[]);
    let held = [until(3, HOUR)];
    // The second fits beside the first, and takes the last core as soon as the first starts.
    let waiting = |limit| [endless(1, 2), endless(2, 2), limited(3, 1, limit)];
    check(&centre, &held, &waiting(HOUR), &[3]);
    check(&centre, &held, &waiting(HOUR + 1), &[]);
}

#[test]
fn the_gap_before_the_head_goes_to_the_next_in_order() {
    let centre = capacity(4, 64, &[]);
    let held = [until(2, HOUR), until(1, 2 * HOUR)];
    check(&centre, &held, &[endless(1, 4), limited(2, 1, HOUR), limited(3, 1, HOUR)], &[2]);
    // A job that fits only later leaves the gap to one that fits now and has ended by then.
    check(&centre, &held, &[endless(1, 4), limited(2, 2, HOUR - OVER), limited(3, 1, HOUR)], &[3]);
    check(&centre, &held, &[endless(1, 4), limited(2, 3, HOUR - OVER), limited(3, 1, HOUR + 1)], &[]);
}

#[test]
fn reservations_are_separate_for_each_model() {
    let centre = capacity(16, 64, &["A", "A", "B"]);
    let held = [Allocation { length: Length { limit: Some(span(HOUR)), ..ENDLESS }, ..allocation(1, 1, &[0]) }];
    let head = with_gpus(1, 2, Some("A"), 1);
    check(&centre, &held, &[head.clone(), with_gpus(2, 1, Some("B"), 1)], &[2]);
    check(&centre, &held, &[head.clone(), with_gpus(2, 1, Some("A"), 1)], &[]);
    check(&centre, &held, &[head.clone(), with_gpus(2, 2, None, 1)], &[]);
    let short = Length { limit: Some(span(HOUR)), ..ENDLESS };
    check(&centre, &held, &[head, Candidate { length: short, ..with_gpus(2, 1, Some("A"), 1) }], &[2]);
}

#[test]
fn a_job_for_any_model_takes_one_that_no_earlier_job_waits_for() {
    let centre = capacity(16, 64, &["A", "A", "B"]);
    let held = [Allocation { length: Length { limit: Some(span(HOUR)), ..ENDLESS }, ..allocation(1, 1, &[0]) }];
    let waiting = [with_gpus(1, 2, Some("A"), 1), with_gpus(2, 1, None, 1)];
    let lines = planned(&centre, &held, waiting.to_vec());
    assert_eq!(lines[1], "2 starts [[2]]");
}

#[test]
fn a_gang_backfills_as_a_whole_or_not_at_all() {
    let centre = capacity(4, 64, &[]);
    let held = [until(2, HOUR)];
    let gang = |workers, limit| Candidate { workers, ..limited(2, 1, limit) };
    check(&centre, &held, &[endless(1, 4), gang(2, HOUR)], &[2]);
    check(&centre, &held, &[endless(1, 4), gang(3, HOUR)], &[]);
    check(&centre, &held, &[endless(1, 3), gang(1, 2 * HOUR)], &[2]);
    check(&centre, &held, &[endless(1, 3), gang(2, 2 * HOUR)], &[]);
}

#[test]
fn a_job_without_a_limit_is_as_long_as_the_centre_assumes() {
    let centre = capacity(4, 64, &[]);
    let check = |assumed: Option<i64>, held: &Allocation, expected: &[u8]| {
        let rules = Rules { assumed: assumed.map(span), ..Rules::default() };
        let waiting = [endless(1, 4), endless(2, 1)];
        assert_eq!(starting(rules, &centre, std::slice::from_ref(held), &waiting), expected);
    };
    check(None, &until(3, HOUR), &[]);
    check(Some(HOUR), &until(3, HOUR), &[2]);
    check(Some(HOUR + 1), &until(3, HOUR), &[]);
    check(Some(HOUR), &allocation(3, 1, &[]), &[2]);
    // A job that outran the assumed length may run without end, so the start of the head is unknown.
    check(Some(HOUR), &Allocation { placed: at(-2 * HOUR), ..allocation(3, 1, &[]) }, &[]);
}

#[test]
fn a_job_beyond_its_limit_may_end_at_any_moment() {
    let centre = capacity(4, 64, &[]);
    let late = Allocation { placed: at(-2 * HOUR), ..until(3, HOUR) };
    check(&centre, std::slice::from_ref(&late), &[endless(1, 4), limited(2, 1, 1000)], &[]);
    check(&centre, &[late], &[endless(1, 2), endless(2, 1)], &[2]);
}

#[test]
fn waiting_raises_the_class_and_running_does_not() {
    let rules = Rules::default();
    let class = |priority, hours: i64, ran: i64| {
        Candidate { ran: span(ran * HOUR), ..candidate(1, priority, 0, 1, 1) }.class(rules, at(hours * HOUR))
    };
    assert_eq!([class(1, 11, 0), class(1, 12, 0), class(1, 23, 0), class(1, 24, 0), class(1, 500, 0)], [1, 2, 2, 3, 3]);
    assert_eq!([class(2, 11, 0), class(2, 12, 0), class(3, 100, 0)], [2, 3, 3]);
    assert_eq!([class(1, 30, 20), class(1, 32, 20), class(1, 1, 20)], [1, 2, 1]);
    // A raised job goes before a younger one of its new class, and behind an older one.
    let waiting = [candidate(1, 3, 10 * HOUR, 1, 1), candidate(2, 2, 0, 1, 1), candidate(3, 3, -HOUR, 1, 1)];
    let centre = capacity(1, 64, &[]);
    let first = |now| plan(Situation { now, capacity: &centre, rules, allocations: &[] }, &waiting)[0].0.clone();
    let order = |now| -> Vec<JobId> {
        let decisions = plan(Situation { now, capacity: &centre, rules, allocations: &[] }, &waiting);
        decisions.into_iter().map(|(job, _)| job).collect()
    };
    assert_eq!(first(at(11 * HOUR)), job_id(3));
    assert_eq!(order(at(11 * HOUR)), [job_id(3), job_id(1), job_id(2)]);
    assert_eq!(order(at(12 * HOUR)), [job_id(3), job_id(2), job_id(1)]);
}

#[test]
fn jobs_beyond_the_last_interval_are_protected_too() {
    let centre = capacity(2, 1000, &[]);
    let held = [until(1, HOUR)];
    let mut waiting: Vec<_> = (1..200).map(|number| limited(number, 2, HOUR)).collect();
    waiting.push(limited(201, 1, HOUR));
    check(&centre, &held, &waiting, &[201]);
    waiting.pop();
    waiting.push(limited(201, 1, 2 * HOUR));
    check(&centre, &held, &waiting, &[]);
}
