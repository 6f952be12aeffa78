//! Ends and retries.

use super::*;
use crate::samples::job_id;

/// Takes a queued job through one attempt, which ends with `event`.
fn again(job: Job, event: Transition) -> Changed {
    let job = if job.status() == Status::Retrying { on(job, Transition::RetryDue).job } else { job };
    on(on(on(job, placed()).job, seen_running()).job, event)
}

#[test]
fn a_job_that_ended_before_it_was_observed_running_has_a_running_event() {
    let check = |event: Transition, history: &[&str]| {
        let changed = on(starting(retried(1)), event);
        assert_eq!(kinds(&changed), history);
        assert_eq!(changed.job.started.is_some(), history.contains(&"Running"));
    };
    check(ended(Exit::Code(0), Exit::Code(0)), &["Running", "Succeeded"]);
    check(ended(Exit::Code(1), Exit::Code(0)), &["Running", "Retrying"]);
    let never_ran = Transition::AttemptEnded {
        started: None,
        ended: at(90_000),
        running: Span::ZERO,
        workers: vec![exited(0, Exit::CouldNotStart("no such directory".to_owned()), 90_000), living(1, None)],
        first_failure: Some(0),
        stopped: false,
    };
    check(never_ran, &["Failed"]);
}

#[test]
fn a_job_stopped_before_a_restore_of_the_database_is_stopped_and_not_retried() {
    let signalled = || vec![exited(0, Exit::Signal(15), 90_000), exited(1, Exit::Signal(9), 90_000)];
    let check = |job: Job, status: Status, reason: Reason| {
        let job = on(job, ended_with(signalled(), None, true)).job;
        assert_eq!((job.status(), job.reason), (status, reason), "{}", job.message);
        assert_eq!((attempt(&job).status, attempt(&job).reason), (status, reason));
        assert_eq!(job.retries, RetryCounts::default());
    };
    check(running(retried(3)), Status::Stopped, Reason::StoppedByUser);
    check(starting(retried(3)), Status::Stopped, Reason::StoppedByUser);
    check(running(JobSpec { timeout_seconds: Some(40), ..retried(3) }), Status::Failed, Reason::TimedOut);
    check(running(JobSpec { timeout_seconds: Some(41), ..retried(3) }), Status::Stopped, Reason::StoppedByUser);
}

#[test]
fn retries_are_counted_exactly() {
    for most in [0, 1, 3] {
        let mut job = queued(retried(most));
        for retry in 1..=most {
            let changed = again(job, ended(Exit::Code(1), Exit::Code(0)));
            assert_eq!(changed.job.status(), Status::Retrying);
            let delay = Span::from_seconds(10 << (retry - 1));
            let message = format!("rank 0 exited with status 1; retry {retry} of {most} in {delay}");
            assert_eq!(changed.job.message, message);
            job = changed.job;
        }
        let last = again(job, ended(Exit::Code(1), Exit::Code(0))).job;
        assert_eq!(seen(&last), (Status::Failed, Reason::WorkerFailed, "rank 0 exited with status 1"));
        assert_eq!(attempt(&last).number, most + 1);
        assert_eq!(last.retries, RetryCounts { job: most, platform: 0 });
        assert_eq!(last.ran, span(40_000 * i64::from(most + 1)));
    }
}

#[test]
fn the_delay_doubles_up_to_six_minutes() {
    let check = |delay_seconds: u32, delays: &[i64]| {
        let policy = RetryPolicy { max_retries: 100, delay_seconds };
        let mut job = queued(JobSpec { retry: Some(policy), ..spec(2) });
        for seconds in delays {
            job = again(job, ended(Exit::Code(1), Exit::Code(0))).job;
            assert_eq!(
                job.state,
                JobState::Retrying { until: NOW + span(seconds * 1000), delay_ms: span(seconds * 1000) }
            );
        }
    };
    check(10, &[10, 20, 40, 80, 160, 320, 360, 360]);
    check(0, &[0, 0, 0]);
    check(360, &[360, 360]);
    check(86_400, &[86_400, 86_400]);
    check(1, &[1, 2, 4, 8, 16, 32, 64, 128, 256, 360]);
}

#[test]
fn even_the_hundredth_delay_is_six_minutes() {
    let mut job = running(retried(100));
    job.retries.job = 99;
    let job = on(job, ended(Exit::Code(1), Exit::Code(0))).job;
    assert_eq!(job.state, JobState::Retrying { until: NOW + span(360_000), delay_ms: span(360_000) });
}

#[test]
fn without_a_retry_any_failure_ends_the_job() {
    let check = |event: Transition, reason: Reason, message: &str| {
        let job = on(running(spec(2)), event).job;
        assert_eq!(seen(&job), (Status::Failed, reason, message));
        assert_eq!((attempt(&job).status, attempt(&job).reason), (Status::Failed, reason));
        assert_eq!(job.retries, RetryCounts::default());
    };
    check(ended(Exit::Code(0), Exit::Code(7)), Reason::WorkerFailed, "rank 1 exited with status 7");
    check(lost(), Reason::WorkerLost, "the host was rebooted");
}

#[test]
fn faults_of_the_platform_use_a_budget_of_their_own() {
    let mut job = queued(retried(0));
    for retry in 1..=DEFAULT_PLATFORM_RETRIES {
        let changed = again(job, lost());
        let delay = Span::from_seconds((10 << (retry - 1)).min(360));
        assert_eq!(changed.job.reason, Reason::WorkerLost);
        assert_eq!(changed.job.message, format!("the host was rebooted; retry {retry} of 10 in {delay}"));
        assert_eq!(attempt(&changed.job).status, Status::Failed);
        job = changed.job;
    }
    assert_eq!(job.retries, RetryCounts { job: 0, platform: 10 });
    // The job's own count stays as it was; here it is 0.
    let own_fault = again(job.clone(), ended(Exit::Code(1), Exit::Code(0))).job;
    assert_eq!((own_fault.status(), own_fault.reason), (Status::Failed, Reason::WorkerFailed));
    let last = again(job, lost()).job;
    let message = "the host was rebooted; not retried, because the platform failed 10 times before";
    assert_eq!(seen(&last), (Status::Failed, Reason::PlatformFault, message));
}

#[test]
fn the_budget_for_faults_of_the_platform_is_an_argument() {
    let lost = |budget| match lost() {
        Transition::AttemptLost { message, running, workers, .. } => {
            Transition::AttemptLost { message, running, workers, budget }
        }
        _ => unreachable!(),
    };
    let never = on(running(retried(3)), lost(0)).job;
    assert_eq!((never.status(), never.reason), (Status::Failed, Reason::PlatformFault));
    let once = on(running(retried(3)), lost(1)).job;
    assert_eq!(
        (once.status(), once.message.as_str()),
        (Status::Retrying, "the host was rebooted; retry 1 of 1 in 10s")
    );
    assert_eq!(again(once, lost(1)).job.reason, Reason::PlatformFault);
}

#[test]
fn a_row_without_a_delay_gets_the_longest_one() {
    let state: JobState = serde_json::from_str(r#"{"state": "retrying", "until": 7}"#).unwrap();
    assert_eq!(state, JobState::Retrying { until: at(7), delay_ms: span(360_000) });
}

#[test]
fn a_lost_attempt_ran_as_long_as_the_engine_can_tell() {
    let job = on(running(retried(1)), lost()).job;
    assert_eq!((job.ran, attempt(&job).ended), (span(30_000), Some(NOW)));
    assert_eq!(worker_statuses(&job), [Status::Stopped, Status::Stopped]);
    let stopped = on(stopping(retried(1), user()), lost()).job;
    assert_eq!((stopped.status(), stopped.reason, stopped.ran), (Status::Stopped, Reason::StoppedByUser, span(30_000)));
}

#[test]
fn a_job_without_running_time_left_is_not_retried() {
    let limited = |seconds| JobSpec { timeout_seconds: Some(seconds), ..retried(3) };
    let failed = on(running(limited(40)), ended(Exit::Code(1), Exit::Code(0))).job;
    let message = "rank 0 exited with status 1; not retried, because the running time reached the time limit of 40s";
    assert_eq!(seen(&failed), (Status::Failed, Reason::TimedOut, message));
    assert_eq!((attempt(&failed).reason, failed.retries), (Reason::WorkerFailed, RetryCounts::default()));
    let failed = on(running(limited(30)), lost()).job;
    let message = "the host was rebooted; not retried, because the running time reached the time limit of 30s";
    assert_eq!(seen(&failed), (Status::Failed, Reason::TimedOut, message));
    assert_eq!((attempt(&failed).reason, failed.retries), (Reason::WorkerLost, RetryCounts::default()));
    // A job without retries fails for its own reason.
    let once = JobSpec { retry: None, ..limited(40) };
    assert_eq!(on(running(once), ended(Exit::Code(1), Exit::Code(0))).job.reason, Reason::WorkerFailed);
    assert_eq!(retrying(limited(41)).status(), Status::Retrying);
}

#[test]
fn a_job_that_cannot_start_is_never_retried() {
    let refused = on(starting(retried(3)), Transition::LaunchRefused("`/proc` cannot be mounted over".to_owned()));
    assert_eq!(seen(&refused.job), (Status::Failed, Reason::CannotStart, "`/proc` cannot be mounted over"));
    assert_eq!((refused.job.ended, attempt(&refused.job).ended), (Some(NOW), Some(NOW)));
    assert_eq!(worker_statuses(&refused.job), [Status::Stopped, Status::Stopped]);
    let soon = |code| WorkerFact { started_ms: Some(at(79_500)), ..exited(0, Exit::Code(code), 80_000) };
    for code in [126, 127] {
        let workers = vec![soon(code), exited(1, Exit::Signal(15), 80_100)];
        let job = on(running(retried(3)), ended_with(workers, Some(0), false)).job;
        assert_eq!((job.status(), job.reason), (Status::Failed, Reason::CommandNotFound));
        assert_eq!(job.retries, RetryCounts::default());
    }
    let launch = Transition::LaunchRefused("too late".to_owned());
    let stopped = on(on(starting(retried(3)), Transition::StopRequested(user())).job, launch).job;
    assert_eq!((stopped.status(), stopped.reason), (Status::Stopped, Reason::StoppedByUser));
}

#[test]
fn a_stopped_job_is_never_retried_however_its_workers_ended() {
    for (first, second) in
        [(Exit::Code(1), Exit::Signal(9)), (Exit::Signal(15), Exit::Code(143)), (Exit::Code(0), Exit::Code(0))]
    {
        for cause in [user(), StopCause::Timeout] {
            let workers = vec![exited(0, first.clone(), 80_000), exited(1, second.clone(), 90_000)];
            let job = on(stopping(retried(3), cause), ended_with(workers, None, true)).job;
            assert!(matches!(job.status(), Status::Stopped | Status::Failed), "{:?}", job.status());
            assert!(matches!(job.reason, Reason::StoppedByUser | Reason::TimedOut), "{:?}", job.reason);
            assert_eq!(job.retries, RetryCounts::default());
        }
    }
}

#[test]
fn the_message_names_the_rank_that_failed_first_and_the_others_were_stopped() {
    let workers = || vec![exited(0, Exit::Signal(15), 80_000), exited(1, Exit::Signal(11), 79_000)];
    let job = on(running(spec(2)), ended_with(workers(), Some(1), false)).job;
    assert_eq!(seen(&job), (Status::Failed, Reason::Killed, "rank 1 was killed by signal 11 (SIGSEGV)"));
    assert_eq!(worker_statuses(&job), [Status::Stopped, Status::Failed]);
    // A worker that another process killed failed first and shows it, also if the engine does not say so.
    let killed = vec![exited(0, Exit::Signal(9), 70_000), exited(1, Exit::Signal(15), 80_000)];
    for first in [Some(0), None] {
        let job = on(running(spec(2)), ended_with(killed.clone(), first, false)).job;
        assert_eq!(worker_statuses(&job), [Status::Failed, Status::Stopped]);
    }
}

#[test]
fn an_attempt_without_the_exit_of_a_worker_has_not_succeeded() {
    let check = |workers: Vec<WorkerFact>, message: &str| {
        let job = on(running(spec(2)), ended_with(workers, None, false)).job;
        assert_eq!(seen(&job), (Status::Failed, Reason::WorkerFailed, message));
    };
    check(vec![exited(0, Exit::Code(0), 80_000), living(1, Some(1))], "rank 1 left no exit status");
    check(vec![exited(0, Exit::Code(0), 80_000)], "rank 1 left no exit status");
    check(Vec::new(), "rank 0 left no exit status");
}

#[test]
fn a_retry_is_a_new_attempt_and_the_job_started_with_its_first() {
    let first = retrying(retried(3));
    assert_eq!(attempt(&first).status, Status::Failed);
    let due = on(first, Transition::RetryDue);
    assert_eq!(seen(&due.job), (Status::Queued, Reason::RetryDue, "retry delay over; waiting for resources"));
    let second = due.job.on(placed(), NOW + span(1)).unwrap().job;
    let attempt = attempt(&second);
    assert_eq!((attempt.number, attempt.placed, attempt.started, attempt.ended), (2, NOW + span(1), None, None));
    assert_eq!(attempt.handle, None);
    let later = Transition::Seen { started: Some(NOW + span(2)), workers: Vec::new() };
    assert_eq!(on(second, later).job.started, Some(at(50_000)));
    assert_eq!(queued(spec(1)).id, job_id(1));
}
