//! The messages of waiting jobs.

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
fn the_head_says_when_it_starts_at_the_latest() {
    let head = |limit_ms| {
        let line = last_line(limit_ms, vec![candidate(1, 2, 0, 4, 1)]);
        line.rsplit_once("; ").unwrap().1.to_owned()
    };
    let in_time = |span: &str| format!("FirstInQueue: 1st of 1 in the queue, starts within {span} at the latest");
    assert_eq!(head(0), in_time("35s"));
    assert_eq!(head(30_001), in_time("1m6s"));
    assert_eq!(head(HOUR), in_time("1h1m"));
    assert_eq!(head(26 * HOUR), in_time("1d3h"));
    let line = planned(&capacity(4, 16, &[]), &[allocation(3, 1, &[])], vec![candidate(1, 2, 0, 4, 1)]).pop().unwrap();
    assert!(line.ends_with(&head_of(1)), "{line}");
}

#[test]
fn a_job_that_could_backfill_with_a_limit_names_the_limit() {
    let head = candidate(1, 2, 0, 4, 1);
    let position = behind(2, 2, &job_id(1));
    let with_limit =
        |limit: &str| format!("2 waits {position}; it fits now and could start with a time limit of at most {limit}");
    assert_eq!(last_line(2 * HOUR, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("2h"));
    assert_eq!(last_line(2 * HOUR, vec![head.clone(), limited(2, 1, 3 * HOUR)]), with_limit("2h"));
    assert_eq!(last_line(HOUR + 119_999, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("1h1m"));
    assert_eq!(last_line(1_000, vec![head.clone(), candidate(2, 2, 1, 1, 1)]), with_limit("1s"));
    // With the limit that the message names, the job starts.
    assert_eq!(last_line(HOUR, vec![head.clone(), limited(2, 1, HOUR)]), "2 starts [[]]");
    assert_eq!(
        last_line(999, vec![head.clone(), candidate(2, 2, 1, 1, 1)]),
        format!("2 waits {position}; it fits now, but the resources are reserved for the jobs ahead of it")
    );
    // A job that does not fit now would not start with a limit either.
    let shortage = "2 waits WaitingForCpu: needs 2 cores: 1 of 4 free, 1 missing";
    assert_eq!(last_line(HOUR, vec![head, candidate(2, 2, 1, 2, 1)]), format!("{shortage}; {position}"));
}

#[test]
fn positions_count_the_jobs_that_wait() {
    let waiting = vec![
        candidate(1, 3, 0, 1, 1),
        candidate(2, 3, 1, 9, 1),
        candidate(3, 2, 0, 4, 1),
        candidate(4, 1, 0, 4, 1),
        limited(5, 4, HOUR),
    ];
    let lines = planned(&capacity(4, 16, &[]), &[], waiting);
    let shortage = "WaitingForCpu: needs 4 cores: 3 of 4 free, 1 missing";
    assert_eq!(
        lines,
        [
            "1 starts [[]]".to_owned(),
            "2 waits CentreTooSmall: needs 9 cores, but the centre has only 4 in total, so it cannot start".to_owned(),
            format!("3 waits {shortage}; {}", head_of(3)),
            format!("5 waits {shortage}; {}", behind(2, 3, &job_id(3))),
            format!("4 waits {shortage}; {}", behind(3, 3, &job_id(3))),
        ]
    );
}

#[test]
fn a_job_that_no_limit_helps_names_the_job_with_the_reservation() {
    // The first starts within two hours. The start of the second is unknown, because the first has no limit.
    let waiting = |last: Candidate| vec![candidate(1, 2, 0, 4, 1), candidate(2, 2, 1, 1, 1), last];
    let second = job_id(2);
    let expected = format!(
        "3 waits {}; it fits now, but the resources are reserved for {second}, whose start time is unknown; only time \
         limits of running jobs or of jobs ahead of it would help",
        behind(3, 3, &job_id(1))
    );
    assert_eq!(last_line(2 * HOUR, waiting(limited(3, 1, 2_000))), expected);
    assert_eq!(last_line(2 * HOUR, waiting(candidate(3, 2, 2, 1, 1))), expected);
    // With the limits that the message asks for, the job starts.
    let limits = vec![limited(1, 4, HOUR), limited(2, 1, 3 * HOUR), limited(3, 1, 2_000)];
    assert_eq!(last_line(2 * HOUR, limits), "3 starts [[]]");
    // If its own limit is too long for the intervals of the jobs ahead, that is the reason.
    let short = format!(
        "3 waits {}; it fits now, but the resources are reserved for the jobs ahead of it",
        behind(3, 3, &job_id(1))
    );
    assert_eq!(last_line(999, waiting(limited(3, 1, 2_000))), short);
}

#[test]
fn a_quarantined_gpu_is_named_with_the_reason() {
    let gpu = |index: u32, model: &str| QuarantinedGpu {
        gpu: crate::capacity::Gpu { index, model: model.to_owned() },
        why: format!("process 424{index} is on it"),
    };
    let messages = |model: Option<&str>, quarantined: &[QuarantinedGpu]| {
        let capacity = capacity(4, 16, &["A", "A", "A", "A", "B"]);
        let allocation = Allocation::of_gpus(vec![0, 1, 2, 3, 4]);
        let waiting = [with_gpus(1, 1, model, 1)];
        let Decision::Wait(wait) = plan_now(&capacity, &[allocation], &waiting).remove(0).1 else {
            panic!("it started")
        };
        wait.reasons(quarantined, JobId::to_string).into_iter().map(|reason| reason.message).collect::<Vec<_>>()
    };
    let head = |why: &str| format!("1st of 1 in the queue; its start time is unknown, because {why}");
    let quarantined = head("GPUs that it needs are quarantined");
    let shortage = "needs 1 GPU of model A: 0 of 4 free, 1 missing";
    let one = format!("{shortage}; GPU 2 is quarantined: process 4242 is on it");
    assert_eq!(messages(Some("A"), &[gpu(2, "A"), gpu(4, "B")]), [one, quarantined.clone()]);
    let held = head("jobs without a time limit hold what it needs");
    assert_eq!(messages(Some("A"), &[gpu(4, "B")]), [shortage.to_owned(), held]);
    let all: Vec<QuarantinedGpu> = (0..5).map(|index| gpu(index, "A")).collect();
    let any = messages(None, &all);
    assert!(any[0].contains("GPU 2 is quarantined") && any[0].ends_with("; 2 more quarantined"), "{any:?}");
}
