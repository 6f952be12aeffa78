use super::*;

const GRACE: Duration = Duration::from_secs(30);
const FAILED: Exit = Exit::Code(1);
const DONE: Exit = Exit::Code(0);

/// Three running workers, and the moment of their start.
fn three() -> (Gang, Instant) {
    let mut gang = Gang::new(0..3, GRACE);
    for rank in 0..3 {
        gang.started(rank);
    }
    (gang, Instant::now())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The actions for the processes of ranks 0 to 2, and for those of unknown workers.
fn actions(gang: &Gang, now: Instant) -> [Action; 4] {
    [Some(0), Some(1), Some(2), None].map(|worker| gang.action(worker, now))
}

use Action::{Continue, Kill, Term};

#[test]
fn all_continue_until_an_event() {
    let (gang, start) = three();
    assert_eq!(actions(&gang, start + seconds(1_000_000)), [Continue; 4]);
    assert!(!gang.is_ending() && !gang.needs_scan() && !gang.all_exited());
    assert_eq!(gang.next_deadline(start), None);
}

#[test]
fn leftovers_of_a_worker_have_five_seconds() {
    let (mut gang, start) = three();
    gang.exited(1, &DONE, start);
    assert!(gang.needs_scan() && !gang.is_ending());
    assert_eq!(gang.ranks_with_leftovers(), [1]);
    assert_eq!(actions(&gang, start + seconds(4)), [Continue, Term, Continue, Continue]);
    assert_eq!(gang.next_deadline(start + seconds(4)), Some(start + seconds(5)));
    assert_eq!(actions(&gang, start + seconds(5)), [Continue, Kill, Continue, Continue]);
    gang.clear_leftovers(1);
    assert_eq!(actions(&gang, start + seconds(5)), [Continue; 4]);
    assert!(!gang.needs_scan());
}

#[test]
fn processes_of_unknown_workers_have_five_seconds_after_the_last_exit() {
    let (mut gang, start) = three();
    for (rank, after) in [(0, 0), (1, 1), (2, 10)] {
        gang.exited(rank, &DONE, start + seconds(after));
        gang.clear_leftovers(rank);
    }
    assert!(gang.all_exited() && gang.is_ending());
    assert_eq!(gang.action(None, start + seconds(14)), Term);
    assert_eq!(gang.action(None, start + seconds(15)), Kill);
    assert_eq!(gang.next_deadline(start + seconds(14)), Some(start + seconds(15)));
    assert_eq!((gang.first_failure(), gang.stopped()), (None, false));
}

#[test]
fn a_failure_ends_the_others_with_the_grace_and_its_own_leftovers_with_five_seconds() {
    let (mut gang, start) = three();
    gang.exited(1, &FAILED, start);
    assert_eq!(gang.first_failure(), Some(1));
    assert_eq!(actions(&gang, start), [Term; 4]);
    assert_eq!(actions(&gang, start + seconds(5)), [Term, Kill, Term, Term]);
    assert_eq!(actions(&gang, start + seconds(30)), [Kill; 4]);
}

#[test]
fn only_the_first_failure_is_named() {
    let (mut gang, start) = three();
    gang.exited(2, &Exit::Signal(9), start);
    gang.exited(0, &FAILED, start);
    assert_eq!(gang.first_failure(), Some(2));
    // The worker exited within the grace, and its leftovers have the rest of the grace.
    assert_eq!(gang.action(Some(0), start + seconds(29)), Term);
}

#[test]
fn a_stop_has_its_own_grace_and_can_only_shorten_the_time() {
    let (mut gang, start) = three();
    gang.stop(seconds(10), start);
    assert!(gang.stopped() && gang.is_ending());
    gang.stop(seconds(600), start + seconds(1));
    assert_eq!(actions(&gang, start + seconds(9)), [Term; 4]);
    gang.stop(seconds(1), start + seconds(2));
    assert_eq!(actions(&gang, start + seconds(3)), [Kill; 4]);
    gang.exited(0, &FAILED, start + seconds(3));
    assert_eq!((gang.first_failure(), gang.stopped()), (None, true));
}

#[test]
fn a_stop_after_a_failure_shortens_the_time_and_stays_a_failure() {
    let (mut gang, start) = three();
    gang.exited(0, &FAILED, start);
    gang.stop(seconds(1), start);
    assert_eq!(actions(&gang, start + seconds(1)), [Kill; 4]);
    assert_eq!((gang.first_failure(), gang.stopped()), (Some(0), false));
}

#[test]
fn a_stop_after_the_last_exit_stops_nothing() {
    let (mut gang, start) = three();
    for rank in 0..3 {
        gang.exited(rank, &DONE, start);
    }
    gang.stop(Duration::ZERO, start + seconds(1));
    assert!(!gang.stopped());
    assert_eq!(gang.action(None, start + seconds(1)), Kill);
}

#[test]
fn a_stop_before_the_start_counts() {
    let mut gang = Gang::new(0..3, GRACE);
    gang.stop(seconds(1), Instant::now());
    assert!(gang.stopped() && gang.all_exited());
}

#[test]
fn a_worker_that_cannot_start_ends_the_others_at_once() {
    let mut gang = Gang::new(0..3, GRACE);
    let start = Instant::now();
    gang.started(0);
    gang.start_failed(1, start);
    assert_eq!(actions(&gang, start), [Kill; 4]);
    assert!(!gang.all_exited());
    gang.exited(0, &Exit::Signal(9), start);
    assert!(gang.all_exited());
    assert_eq!(gang.first_failure(), Some(1));
}
