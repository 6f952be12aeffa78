//! Every state and every event.

use super::*;
use crate::reason::{WaitCode, WaitingReason};

/// Makes one event of a row.
type Make<'a> = &'a dyn Fn() -> Transition;

/// A job in each state; the attempt's number is 1 wherever there is one.
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
fn each_event_leads_each_state_where_the_table_says_and_is_illegal_elsewhere() {
    let waits = || Transition::Waits(vec![WaitingReason::new(WaitCode::Cpu, "needs 2 cores")]);
    let waits_in_engine = || waiting("no node is free");
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
    let unaccounted = || Transition::Unaccounted("brought from elsewhere".to_owned());
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
        ("waits",              &waits,                   [q,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("placed",             &placed,                  [s,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("handed over",        &|| Transition::HandedOver,[p,     NO,     NO,      NO,     NO,      NO,      NO,     NO,       NO]),
        ("waits in engine",    &waits_in_engine,         [NO,    p,      p,       NO,     NO,      g,       NO,     NO,       NO]),
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
        ("unaccounted for",    &unaccounted,             [f,     f,      f,       f,      f,       NO,      NO,     NO,       NO]),
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
fn what_is_illegal_names_both_sides_and_nothing_that_the_event_carries() {
    let done = states().into_iter().next_back().unwrap().1;
    let error = |event: Transition| done.clone().on(event, NOW).unwrap_err().to_string();
    assert_eq!(error(Transition::RetryDue), "a job that is Failed cannot take the event RetryDue");
    let secret = Transition::LaunchRefused("token=abc".to_owned());
    assert_eq!(error(secret), "a job that is Failed cannot take the event LaunchRefused");
    assert_eq!(error(lost()), "a job that is Failed cannot take the event AttemptLost");
}

#[test]
fn a_state_knows_whether_it_has_ended_and_whether_an_attempt_is_on_its_way() {
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
fn a_job_has_an_end_exactly_where_its_state_is_one_and_no_live_attempt_then() {
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
