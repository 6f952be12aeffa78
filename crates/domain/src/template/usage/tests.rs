//! The usage that single jobs add up to.

use super::*;

fn a_use(version: u32, status: Status, made: i64, waited_ms: Option<i64>, ran_ms: Option<i64>) -> Use {
    let span = |ms: Option<i64>| ms.map(Span::from_ms);
    Use { version, status, made: WallTime::from_ms(made), waited: span(waited_ms), ran: span(ran_ms) }
}

#[test]
fn without_jobs_there_is_no_usage() {
    assert_eq!(Usage::of(&[]), Usage::default());
    assert_eq!(Usage::default().success_rate(), None);
}

#[test]
fn jobs_are_counted_by_how_they_ended_and_only_what_is_known_has_a_median() {
    let uses = [
        a_use(1, Status::Succeeded, 10, Some(5), Some(100)),
        a_use(1, Status::Failed, 40, Some(1), Some(300)),
        a_use(2, Status::Stopped, 30, None, None),
        a_use(2, Status::Running, 20, Some(100), None),
        a_use(2, Status::Queued, 25, None, None),
    ];
    let whole = Usage::of(&uses);
    assert_eq!((whole.jobs, whole.succeeded, whole.failed, whole.stopped), (5, 1, 1, 1));
    assert_eq!(
        (whole.last_used, whole.median_wait, whole.median_run),
        (Some(WallTime::from_ms(40)), Some(Span::from_ms(5)), Some(Span::from_ms(200)))
    );
    assert_eq!(whole.success_rate(), Some(0.5), "a stopped job is neither");

    let versions = Usage::by_version(&uses);
    assert_eq!(versions.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!((versions[&1].jobs, versions[&1].median_wait), (2, Some(Span::from_ms(3))));
    assert_eq!(
        (versions[&2].jobs, versions[&2].last_used, versions[&2].success_rate()),
        (3, Some(WallTime::from_ms(30)), None)
    );
}

#[test]
fn a_median_is_the_middle_whatever_the_order() {
    for (numbers, middle) in [
        (vec![], None),
        (vec![7], Some(7)),
        (vec![9, 1], Some(5)),
        (vec![2, 1], Some(1)),
        (vec![9, 1, 2], Some(2)),
        (vec![i64::MAX, 0, i64::MAX, i64::MAX], Some(i64::MAX)),
    ] {
        let lengths = numbers.iter().copied().map(Span::from_ms).collect();
        assert_eq!(median(lengths), middle.map(Span::from_ms), "{numbers:?}");
    }
}
