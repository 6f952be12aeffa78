//! The outcome of an attempt by the exits of its workers.

use super::*;
use crate::{
    reason::Reason,
    samples::{exited, living},
};

/// `Outcome Reason: message` of an attempt.
fn judged(workers: &[WorkerFact], first: Option<u32>) -> String {
    match judge(workers, first) {
        Outcome::Succeeded => "Succeeded".to_owned(),
        Outcome::Failed(failure) => format!("Failed {:?}: {}", failure.reason, failure.message),
        Outcome::CannotStart(failure) => {
            format!("CannotStart {:?}: {}", failure.reason, failure.message)
        }
    }
}

#[test]
fn each_exit_status_gives_its_reason() {
    let check = |exit: Exit, ended_ms: i64, verdict: &str| {
        assert_eq!(judged(&[exited(0, exit, ended_ms)], None), verdict);
    };
    check(Exit::Code(0), 1, "Succeeded");
    check(Exit::Code(1), 1, "Failed WorkerFailed: rank 0 exited with status 1");
    check(Exit::Code(128), 1, "Failed WorkerFailed: rank 0 exited with status 128");
    check(Exit::Code(129), 1, "Failed Killed: rank 0 was killed by signal 1 (SIGHUP)");
    let memory = "; running out of memory is one possible cause";
    check(Exit::Code(137), 1, &format!("Failed Killed: rank 0 was killed by signal 9 (SIGKILL){memory}"));
    check(Exit::Signal(9), 1, &format!("Failed Killed: rank 0 was killed by signal 9 (SIGKILL){memory}"));
    check(Exit::Code(143), 1, "Failed Killed: rank 0 was killed by signal 15 (SIGTERM)");
    check(Exit::Signal(11), 1, "Failed Killed: rank 0 was killed by signal 11 (SIGSEGV)");
    check(Exit::Signal(10), 1, "Failed Killed: rank 0 was killed by signal 10 (SIGUSR1)");
    check(Exit::Signal(31), 1, "Failed Killed: rank 0 was killed by signal 31 (SIGSYS)");
    check(Exit::Code(192), 1, "Failed Killed: rank 0 was killed by signal 64 (a real-time signal)");
    check(Exit::Code(193), 1, "Failed WorkerFailed: rank 0 exited with status 193");
    check(Exit::Code(255), 1, "Failed WorkerFailed: rank 0 exited with status 255");
    check(
        Exit::CouldNotStart("no such directory".to_owned()),
        1,
        "CannotStart CannotStart: rank 0 could not start: no such directory",
    );
}

#[test]
fn a_command_is_not_found_only_within_ten_seconds_of_the_start() {
    let check = |code: i32, ended_ms: i64, verdict: &str| {
        assert_eq!(judged(&[exited(2, Exit::Code(code), ended_ms)], None), verdict);
    };
    check(127, 0, "CannotStart CommandNotFound: rank 2 exited with status 127: the command was not found; see its log");
    check(
        126,
        10_000,
        "CannotStart CommandNotFound: rank 2 exited with status 126: the command could not be run; see its log",
    );
    check(127, 10_001, "Failed WorkerFailed: rank 2 exited with status 127");
    check(126, 60_000, "Failed WorkerFailed: rank 2 exited with status 126");
    check(125, 0, "Failed WorkerFailed: rank 2 exited with status 125");
    let unknown = WorkerFact { started_ms: None, ..exited(2, Exit::Code(127), 5) };
    assert_eq!(judged(&[unknown], None), "Failed WorkerFailed: rank 2 exited with status 127");
}

#[test]
fn memory_is_the_reason_only_if_the_group_counted_a_kill() {
    let check = |exit: Exit, verdict: &str| {
        let worker = WorkerFact { oom_killed: true, ..exited(1, exit, 1) };
        assert_eq!(judged(&[worker], None), verdict);
    };
    let verdict = "Failed OutOfMemory: rank 1 ran out of memory and was killed";
    check(Exit::Signal(9), verdict);
    check(Exit::Code(137), verdict);
    check(Exit::Code(1), verdict);
    check(Exit::Code(127), verdict);
    check(Exit::Code(0), "Succeeded");
}

#[test]
fn memory_is_named_as_a_possible_cause_only_if_its_kills_are_not_counted() {
    let check = |signal, oom_counted, verdict: &str| {
        let worker = WorkerFact { oom_counted, ..exited(1, Exit::Signal(signal), 1) };
        assert_eq!(judged(&[worker], None), format!("Failed Killed: rank 1 was killed by signal {verdict}"));
    };
    check(9, false, "9 (SIGKILL); running out of memory is one possible cause");
    check(9, true, "9 (SIGKILL)");
    check(11, false, "11 (SIGSEGV)");
}

#[test]
fn the_message_names_the_rank_that_failed_first() {
    let code = |rank, code, at| exited(rank, Exit::Code(code), at);
    let check = |workers: &[WorkerFact], first: Option<u32>, verdict: &str| {
        assert_eq!(judged(workers, first), format!("Failed WorkerFailed: {verdict}"));
    };
    let three = [code(0, 3, 30), code(1, 0, 5), code(2, 4, 20)];
    check(&three, Some(0), "rank 0 exited with status 3");
    check(&three, Some(2), "rank 2 exited with status 4");
    check(&three, None, "rank 2 exited with status 4");
    // The rank that the engine reports counts only if that worker has failed.
    check(&three, Some(1), "rank 2 exited with status 4");
    check(&three, Some(9), "rank 2 exited with status 4");
    let not_started = exited(3, Exit::CouldNotStart("no".to_owned()), 40);
    let not_started = WorkerFact { ended_ms: None, ..not_started };
    assert_eq!(judged(&[code(0, 3, 30), not_started], None), "CannotStart CannotStart: rank 3 could not start: no");
}

#[test]
fn a_worker_without_a_known_exit_has_not_succeeded() {
    let check = |workers: &[WorkerFact], verdict: &str| assert_eq!(judged(workers, None), verdict);
    let ended = |rank| exited(rank, Exit::Code(0), 1);
    check(&[ended(0), ended(1)], "Succeeded");
    check(&[ended(0), living(1, Some(0))], "Failed WorkerFailed: rank 1 left no exit status");
    check(&[living(0, None), exited(1, Exit::Code(2), 5)], "Failed WorkerFailed: rank 1 exited with status 2");
}

#[test]
fn a_shells_status_and_a_signal_are_the_same_signal() {
    let check = |exit: Exit, signal: Option<i32>| assert_eq!(exit_signal(&exit), signal, "{exit:?}");
    check(Exit::Signal(15), Some(15));
    check(Exit::Code(143), Some(15));
    check(Exit::Code(128), None);
    check(Exit::Code(193), None);
    check(Exit::CouldNotStart(String::new()), None);
    let failure = Failure { reason: Reason::Killed, message: String::new() };
    assert_eq!(Outcome::Failed(failure.clone()), Outcome::Failed(failure));
}
