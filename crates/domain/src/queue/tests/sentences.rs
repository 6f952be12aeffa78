//! What a waiting job is told, in words.

use super::*;

const HOUR: i64 = 3_600_000;

fn limited(number: u8, cores: u64, limit_ms: i64) -> Candidate {
    let length = Length { limit: Some(span(limit_ms)), ..ENDLESS };
    Candidate { length, ..candidate(number, 2, i64::from(number), cores, 1) }
}

fn last_line(limit_ms: i64, waiting: Vec<Candidate>) -> String {
    let length = Length { limit: Some(span(limit_ms)), ..ENDLESS };
    let held = Allocation { length, placed: at(1_000), ..allocation(3, 1, &[]) };
    planned(&capacity(4, 16, &[]), &[held], waiting).pop().unwrap()
}

#[test]
fn the_first_is_told_when_it_starts_at_the_latest() {
    let head = |limit_ms| {
        let line = last_line(limit_ms, vec![candidate(1, 2, 0, 4, 1)]);
        line.rsplit_once("; ").unwrap().1.to_owned()
    };
    let in_time =
        |span: &str| format!("FirstInQueue: is number 1 of 1 in the queue: it starts within {span} at the latest");
    assert_eq!(head(0), in_time("35 s"));
    assert_eq!(head(30_001), in_time("1 min 6 s"));
    assert_eq!(head(HOUR), in_time("1 h 1 min"));
    assert_eq!(head(26 * HOUR), in_time("1 d 3 h"));
    let line = planned(&capacity(4, 16, &[]), &[allocation(3, 1, &[])], vec![candidate(1, 2, 0, 4, 1)]).pop().unwrap();
    assert!(line.ends_with(&head_of(1)), "{line}");
}

#[test]
fn who_could_pass_with_a_limit_is_told_with_which() {
    let head = candidate(1, 2, 0, 4, 1);
    let place = turn(2, 2, &job_id(1));
    let with_limit =
        |limit: &str| format!("2 waits {place}; it fits now, and a time limit of at most {limit} would let it run now");
    assert_eq!(last_line(2 * HOUR, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("2 h"));
    assert_eq!(last_line(2 * HOUR, vec![head.clone(), limited(2, 1, 3 * HOUR)]), with_limit("2 h"));
    assert_eq!(last_line(HOUR + 119_999, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("1 h 1 min"));
    assert_eq!(last_line(1_000, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("1 s"));
    // What is told is true.
    assert_eq!(last_line(HOUR, vec![head.clone(), limited(2, 1, HOUR)]), "2 starts [[]]");
    assert_eq!(
        last_line(999, vec![head.clone(), candidate(2, 2, 1, 1, 1)]),
        format!("2 waits {place}; it fits now and would take what is kept for those before it")
    );
    // Who does not fit now would not run with a limit either.
    let lacks = "2 waits WaitingForCpu: needs 2 cores, 1 of 4 is free, 1 is missing";
    assert_eq!(last_line(HOUR, vec![head, candidate(2, 2, 1, 2, 1)]), format!("{lacks}; {place}"));
}

#[test]
fn places_count_those_that_wait() {
    let waiting = vec![
        candidate(1, 3, 0, 1, 1),
        candidate(2, 3, 1, 9, 1),
        candidate(3, 2, 0, 4, 1),
        candidate(4, 1, 0, 4, 1),
        limited(5, 4, HOUR),
    ];
    let lines = planned(&capacity(4, 16, &[]), &[], waiting);
    let lacks = "WaitingForCpu: needs 4 cores, 3 of 4 are free, 1 is missing";
    assert_eq!(
        lines,
        [
            "1 starts [[]]".to_owned(),
            "2 waits CentreTooSmall: needs 9 cores and the centre has 4 in all now: as things are it can never start"
                .to_owned(),
            format!("3 waits {lacks}; {}", head_of(3)),
            format!("5 waits {lacks}; {}", turn(2, 3, &job_id(3))),
            format!("4 waits {lacks}; {}", turn(3, 3, &job_id(3))),
        ]
    );
}

#[test]
fn who_cannot_pass_with_any_limit_is_told_for_whom_all_is_kept() {
    // The first starts within two hours; nobody knows when the second does, since the first runs for ever then.
    let waiting = |last: Candidate| vec![candidate(1, 2, 0, 4, 1), candidate(2, 2, 1, 1, 1), last];
    let second = job_id(2);
    let told = format!(
        "3 waits {}; it fits now, but what it would take is kept for {second}, of which nobody knows when it can start: \
         only time limits of jobs that run or wait before it would help",
        turn(3, 3, &job_id(1))
    );
    assert_eq!(last_line(2 * HOUR, waiting(limited(3, 1, 2_000))), told);
    assert_eq!(last_line(2 * HOUR, waiting(candidate(3, 2, 2, 1, 1))), told);
    // What is told is true.
    let limits = vec![limited(1, 4, HOUR), limited(2, 1, 3 * HOUR), limited(3, 1, 2_000)];
    assert_eq!(last_line(2 * HOUR, limits), "3 starts [[]]");
    // Where a limit of its own is too long for those that have their places, that is the reason.
    let short =
        format!("3 waits {}; it fits now and would take what is kept for those before it", turn(3, 3, &job_id(1)));
    assert_eq!(last_line(999, waiting(limited(3, 1, 2_000))), short);
}

#[test]
fn a_gpu_that_is_not_clean_is_named_with_what_is_on_it() {
    let gpu = |index: u32, model: &str| QuarantinedGpu {
        gpu: crate::capacity::Gpu { index, model: model.to_owned() },
        why: format!("process 424{index} is on it"),
    };
    let told = |model: Option<&str>, quarantined: &[QuarantinedGpu]| {
        let capacity = capacity(4, 16, &["A", "A", "A", "A", "B"]);
        let allocation = Allocation::of_gpus(vec![0, 1, 2, 3, 4]);
        let waiting = [with_gpus(1, 1, model, 1)];
        let Decision::Wait(wait) = plan_now(&capacity, &[allocation], &waiting).remove(0).1 else {
            panic!("it started")
        };
        wait.reasons(quarantined).into_iter().map(|reason| reason.message).collect::<Vec<_>>()
    };
    let head = |why: &str| format!("is number 1 of 1 in the queue: when it starts is not known, since {why}");
    let quarantined = head("nobody knows when what it needs becomes free");
    let lack = "needs 1 GPU of model A, 0 of 4 are free, 1 is missing";
    let one = format!("{lack}; GPU 2 is not clean: process 4242 is on it");
    assert_eq!(told(Some("A"), &[gpu(2, "A"), gpu(4, "B")]), [one, quarantined.clone()]);
    let held = head("what it needs is held without a time limit");
    assert_eq!(told(Some("A"), &[gpu(4, "B")]), [lack.to_owned(), held]);
    let all: Vec<QuarantinedGpu> = (0..5).map(|index| gpu(index, "A")).collect();
    let any = told(None, &all);
    assert!(any[0].contains("GPU 2 is not clean") && any[0].ends_with("; and 2 more are not clean"), "{any:?}");
}
