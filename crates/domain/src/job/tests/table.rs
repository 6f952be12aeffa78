//! The table: every state with every transition.

use super::*;
use crate::reason::{WaitCode, WaitingReason};

/// Creates the transition of a row.
type Make<'a> = &'a dyn Fn() -> Transition;

/// A job in each state. The number of the attempt is 1, if there is one.
fn states() -> [(Status, Job); 9] {
    [
        (Status::Queued, queued(retried(3))),
        (Status::Pending, pending(retried(3))),
        (Status::Starting, starting(retried(3))),
        (Status::Running, running(retried(3))),
        (Status::Retrying, retrying(retried(3))),
        (Status::Stopping, stopping(retried(3), user())),
        (Status::Stopped, on(queued(retried(3)), Transition::StopRequested(user())).job),
        (Status::Succeeded, on(running(retried(3)), ended(Exit::Code(0), Exit::Code(0))).job),
        (Status::Failed, on(running(retried(0)), ended(Exit::Code(1), Exit::Code(0))).job),
    ]
}

#[test]
fn each_transition_leads_to_the_state_in_the_table_or_is_illegal() {
    let must_wait = || Transition::Waiting(vec![WaitingReason::new(WaitCode::Cpu, "needs 2 cores")]);
    let waiting_in_engine = || waiting("no node is free");
    let launched = || Transition::Launched { attempt: 1, handle: "h".to_owned() };
    let still_starting = || Transition::Seen { started: None, workers: vec![living(0, Some(1)), living(1, None)] };
    let refused = || Transition::LaunchRefused("no such mount".to_owned());
    let stop = || Transition::StopRequested(user());
    let timeout = || Transition::StopRequested(StopCause::Timeout);
    let stopped = || {
        let workers = vec![exited(0, Exit::Signal(15), 1), exited(1, Exit::Signal(9), 2)];
        ended_with(workers, None, true)
    };
    let well = || ended(Exit::Code(0), Exit::Code(0));
    let restart = || Transition::RestartRequested { actor: "bob".to_owned() };
    let set_timeout = || Transition::TimeoutSet { seconds: Some(60), actor: "bob".to_owned() };
    let outcome_unknown = || Transition::OutcomeUnknown("restored from a backup".to_owned());
    let badly = || ended(Exit::Code(1), Exit::Code(0));
    let not_found = || {
        let soon = WorkerFact { started_ms: Some(at(79_000)), ..exited(0, Exit::Code(127), 80_000) };
        ended_with(vec![soon, exited(1, Exit::Code(0), 80_000)], None, false)
    };
    const NO: Option<Status> = None;
    let [q, p, s, r, y, g, d, u, f] = states().map(|(status, _)| Some(status));
    #[rustfmt::skip]
    let table: [(&str, Make<'_>, [Option<Status>; 9]); 19] = [
        // in:                                           Queued Pending Starting Running Retrying Stopping Stopped Succeeded Failed
        ("waiting",            &must_wait,               [q,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("placed",             &placed,                  [s,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("handed over",        &|| Transition::HandedOver,[p,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("waiting in engine",  &waiting_in_engine,       [NO,    p,      p,       NO,     NO,      g,       NO,     NO,       NO]),
        ("launched",           &launched,                [NO,    p,      s,       NO,     NO,      g,       NO,     NO,       NO]),
        ("launch refused",     &refused,                 [NO,    f,      f,       NO,     NO,      d,       NO,     NO,       NO]),
        ("still starting",     &still_starting,          [NO,    s,      s,       r,      NO,      g,       NO,     NO,       NO]),
        ("seen running",       &seen_running,            [NO,    r,      r,       r,      NO,      g,       NO,     NO,       NO]),
        ("ended well",         &well,                    [NO,    u,      u,       u,      NO,      u,       NO,     NO,       NO]),
        ("ended badly",        &badly,                   [NO,    y,      y,       y,      NO,      d,       NO,     NO,       NO]),
        ("command missing",    &not_found,               [NO,    f,      f,       f,      NO,      d,       NO,     NO,       NO]),
        ("ended by a stop",    &stopped,                 [NO,    d,      d,       d,      NO,      d,       NO,     NO,       NO]),
        ("lost",               &lost,                    [NO,    y,      y,       y,      NO,      d,       NO,     NO,       NO]),
        ("stop",               &stop,                    [d,     g,      g,       g,      d,       g,       NO,     NO,       NO]),
        ("timeout",            &timeout,                 [f,     g,      g,       g,      f,       g,       NO,     NO,       NO]),
        ("retry due",          &|| Transition::RetryDue, [NO,    NO,     NO,      NO,     q,       NO,      NO,     NO,       NO]),
        ("restart",            &restart,                 [NO,    NO,     NO,      NO,     NO,      NO,      q,      q,        q]),
        ("outcome unknown",    &outcome_unknown,         [f,     f,      f,       f,      f,       NO,      NO,     NO,       NO]),
        ("timeout set",        &set_timeout,             [q,     p,      s,       r,      y,       NO,      NO,     NO,       NO]),
    ];
    for (name, event, results) in table {
        for ((status, job), wanted) in states().into_iter().zip(results) {
            assert_eq!(job.status(), status);
            let result = job.on(event(), NOW);
            let found = result.as_ref().map(|changed| changed.job.status()).ok();
            assert_eq!(found, wanted, "{name} in {status:?}");
            if let Err(illegal) = result {
                assert_eq!(illegal.state, status.as_str());
            }
        }
    }
}

#[test]
fn the_error_names_state_and_transition_but_no_value_of_the_transition() {
    let done = states().into_iter().next_back().unwrap().1;
    let error = |event: Transition| done.clone().on(event, NOW).unwrap_err().to_string();
    assert_eq!(error(Transition::RetryDue), "a job in state Failed does not accept the transition RetryDue");
    let secret = Transition::LaunchRefused("token=abc".to_owned());
    assert_eq!(error(secret), "a job in state Failed does not accept the transition LaunchRefused");
    assert_eq!(error(lost()), "a job in state Failed does not accept the transition AttemptLost");
}

#[test]
fn each_state_is_final_or_live_or_neither() {
    let check = |status: Status, ended: bool, live: bool| {
        assert_eq!((status.has_ended(), status.is_live()), (ended, live), "{status:?}");
    };
    check(Status::Queued, false, false);
    check(Status::Pending, false, true);
    check(Status::Starting, false, true);
    check(Status::Running, false, true);
    check(Status::Retrying, false, false);
    check(Status::Stopping, false, true);
    check(Status::Stopped, true, false);
    check(Status::Succeeded, true, false);
    check(Status::Failed, true, false);
}

#[test]
fn a_job_has_an_end_exactly_in_a_final_state_and_no_live_attempt_then() {
    for (status, job) in states() {
        assert_eq!(job.ended.is_some(), status.has_ended(), "{status:?}");
        let open = job.attempt.as_ref().is_some_and(|attempt| attempt.ended.is_none());
        assert_eq!(open, status.is_live(), "{status:?}");
    }
}

#[test]
fn a_state_is_written_as_json_and_read_back() {
    for (_, job) in states() {
        let json = serde_json::to_string(&job.state).unwrap();
        assert_eq!(serde_json::from_str::<JobState>(&json).unwrap(), job.state, "{json}");
        let attempt = serde_json::to_string(&job.attempt).unwrap();
        assert_eq!(serde_json::from_str::<Option<Attempt>>(&attempt).unwrap(), job.attempt);
    }
}
