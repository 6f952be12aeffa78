//! Waiting, starting, running and being stopped.

use super::*;
use crate::{
    attempt::WorkerHost,
    framework::Framework,
    reason::{WaitCode, WaitingReason},
};

#[test]
fn a_job_that_runs_through_has_every_step_in_its_history() {
    let mut job = queued(spec(2));
    let mut history = Vec::new();
    let events = [
        Transition::Waiting(vec![WaitingReason::new(WaitCode::Cpu, "needs 2 cores")]),
        placed(),
        Transition::Launched { attempt: 1, handle: "/data/a1".to_owned() },
        Transition::Seen { started: None, workers: vec![living(0, Some(40_000)), living(1, None)] },
        seen_running(),
        seen_running(),
        ended(Exit::Code(0), Exit::Code(0)),
    ];
    for event in events {
        let changed = on(job, event);
        let lines = changed.notes.iter().map(|note| format!("{} {} {}", note.kind, note.reason.as_str(), note.message));
        history.extend(lines);
        assert!(changed.notes.iter().all(|note| note.actor == "system"));
        job = changed.job;
    }
    assert_eq!(
        history,
        [
            "Queued WaitingForResources needs 2 cores",
            "Starting Placed attempt 1: resources allocated, starting",
            "Running WorkersRunning all workers are running (2)",
            "Succeeded Completed all workers succeeded (2)",
        ]
    );
    assert_eq!((job.started, job.ended, job.ran), (Some(at(50_000)), Some(at(90_000)), span(40_000)));
    let attempt = attempt(&job);
    assert_eq!(attempt.handle.as_deref(), Some("/data/a1"));
    assert_eq!((attempt.placed, attempt.started, attempt.ended), (NOW, Some(at(50_000)), Some(at(90_000))));
    assert_eq!((attempt.status, attempt.reason), (Status::Succeeded, Reason::Completed));
    assert_eq!(worker_statuses(&job), [Status::Succeeded, Status::Succeeded]);
}

#[test]
fn only_another_lasting_reason_to_wait_is_a_line_of_the_history() {
    let cpu = |text: &str| WaitingReason::new(WaitCode::Cpu, text);
    let position = || WaitingReason::new(WaitCode::QueuePosition, "2nd of 2 in the queue");
    let disk = || WaitingReason::new(WaitCode::Disk, "the disk is full");
    let check = |job: Job, waiting: Vec<WaitingReason>, lines: &[&str], message: &str| {
        let changed = on(job, Transition::Waiting(waiting.clone()));
        assert_eq!(kinds(&changed), lines, "{message}");
        assert_eq!(seen(&changed.job), (Status::Queued, Reason::WaitingForResources, message));
        assert_eq!(changed.job.state, JobState::Queued { waiting });
        changed.job
    };
    let job = check(queued(spec(1)), vec![cpu("1 is missing")], &["Queued"], "1 is missing");
    let job = check(job, vec![cpu("2 are missing")], &[], "2 are missing");
    let job = check(job, vec![cpu("2 are missing"), position()], &[], "2 are missing; 2nd of 2 in the queue");
    let job = check(job, vec![disk()], &["Queued"], "the disk is full");
    check(job, vec![cpu("1 is missing")], &["Queued"], "1 is missing");
}

#[test]
fn workers_are_shown_as_the_engine_sees_them() {
    let job = starting(spec(2));
    let names: Vec<_> = attempt(&job).workers.iter().map(|worker| worker.pod_name.as_str()).collect();
    assert_eq!(names, ["job-01010101010101010101-master-0", "job-01010101010101010101-worker-0"]);
    assert_eq!(worker_statuses(&job), [Status::Starting, Status::Starting]);
    let some = Transition::Seen { started: None, workers: vec![living(0, Some(1))] };
    let job = on(job, some).job;
    assert_eq!(worker_statuses(&job), [Status::Running, Status::Starting]);
    let one_done =
        Transition::Seen { started: Some(at(5)), workers: vec![exited(0, Exit::Code(0), 9), living(1, Some(5))] };
    let job = on(job, one_done).job;
    assert_eq!(worker_statuses(&job), [Status::Succeeded, Status::Running]);
    assert_eq!(job.state, JobState::Running { since: at(5) });
    assert_eq!(attempt(&job).workers[0].fact.pid, Some(100));
}

#[test]
fn the_running_time_begins_once() {
    let again = Transition::Seen { started: Some(at(70_000)), workers: Vec::new() };
    let job = on(running(spec(2)), again).job;
    assert_eq!(job.state, JobState::Running { since: at(50_000) });
    assert_eq!((job.started, attempt(&job).started), (Some(at(50_000)), Some(at(50_000))));
}

#[test]
fn a_handle_of_another_attempt_is_not_taken() {
    let job = on(starting(spec(2)), Transition::Launched { attempt: 2, handle: "late".to_owned() }).job;
    assert_eq!(attempt(&job).handle, None);
}

#[test]
fn ranks_without_a_process_show_their_launchers_state() {
    let mpi = || JobSpec { framework: Some(Framework::Mpi), ..spec(3) };
    let only_the_launcher = |event: Transition, job: Job| on(job, event).job;
    let job = starting(mpi());
    let own: Vec<_> = attempt(&job).workers.iter().map(|worker| worker.own_process).collect();
    assert_eq!(own, [true, false, false]);
    let seen =
        Transition::Seen { started: Some(at(1)), workers: vec![living(0, Some(1)), living(1, None), living(2, None)] };
    let job = only_the_launcher(seen, job);
    assert_eq!(worker_statuses(&job), [Status::Running; 3]);
    let facts = |exit: Exit| vec![exited(0, exit, 90_000), living(1, None), living(2, None)];
    let well = only_the_launcher(ended_with(facts(Exit::Code(0)), None, false), job.clone());
    assert_eq!((well.status(), worker_statuses(&well)), (Status::Succeeded, vec![Status::Succeeded; 3]));
    let badly = only_the_launcher(ended_with(facts(Exit::Code(1)), Some(0), false), job.clone());
    assert_eq!((badly.status(), worker_statuses(&badly)), (Status::Failed, vec![Status::Failed; 3]));
    let stopping = on(job, Transition::StopRequested(user())).job;
    let stopped = only_the_launcher(ended_with(facts(Exit::Signal(15)), None, true), stopping);
    assert_eq!((stopped.status(), worker_statuses(&stopped)), (Status::Stopped, vec![Status::Stopped; 3]));
    assert_eq!(attempt(&stopped).workers[1].fact.exit, None);
}

#[test]
fn ranks_without_a_process_show_their_own_host_where_the_engine_names_one() {
    let on_host = |fact: WorkerFact, name: &str| {
        let host = WorkerHost { name: name.to_owned(), address: None };
        WorkerFact { host: Some(host), ..fact }
    };
    let workers = vec![on_host(living(0, Some(1)), "n1"), on_host(living(1, None), "n2"), living(2, None)];
    let mpi = JobSpec { framework: Some(Framework::Mpi), ..spec(3) };
    let job = on(starting(mpi), Transition::Seen { started: Some(at(1)), workers }).job;
    let hosts = attempt(&job).workers.iter().map(|worker| worker.fact.host.as_ref().unwrap().name.as_str());
    assert_eq!(hosts.collect::<Vec<_>>(), ["n1", "n2", "n1"]);
}

#[test]
fn a_job_in_the_queue_stops_at_once() {
    let stopped = on(queued(spec(2)), Transition::StopRequested(user()));
    assert_eq!(seen(&stopped.job), (Status::Stopped, Reason::StoppedByUser, "stopped by bob"));
    assert_eq!((stopped.job.ended, stopped.notes[0].actor.as_str()), (Some(NOW), "bob"));
    assert_eq!(stopped.job.attempt, None);
}

#[test]
fn a_stop_between_attempts_leaves_the_last_one_as_it_was() {
    let before = retrying(retried(3));
    for job in [before.clone(), on(before.clone(), Transition::RetryDue).job] {
        let stopped = on(job, Transition::StopRequested(user())).job;
        assert_eq!(stopped.status(), Status::Stopped);
        assert_eq!(stopped.attempt, before.attempt);
        assert_eq!(stopped.ran, before.ran);
    }
}

#[test]
fn a_running_job_is_stopping_until_its_workers_have_ended() {
    let asked = on(running(spec(2)), Transition::StopRequested(user()));
    assert_eq!(seen(&asked.job), (Status::Stopping, Reason::StoppedByUser, "being stopped by bob"));
    assert_eq!(asked.notes[0].actor, "bob");
    assert_eq!(attempt(&asked.job).status, Status::Stopping);
    let again = on(asked.job.clone(), Transition::StopRequested(StopCause::Timeout));
    assert_eq!((again.notes.len(), &again.job), (0, &asked.job));
    let workers = vec![exited(0, Exit::Signal(15), 80_000), exited(1, Exit::Code(0), 90_000)];
    let done = on(asked.job, ended_with(workers, None, true));
    assert_eq!(seen(&done.job), (Status::Stopped, Reason::StoppedByUser, "stopped by bob"));
    assert_eq!((done.job.ended, done.job.ran), (Some(at(90_000)), span(40_000)));
    assert_eq!(attempt(&done.job).status, Status::Stopped);
    assert_eq!(worker_statuses(&done.job), [Status::Stopped, Status::Succeeded]);
}

#[test]
fn a_job_that_reached_its_time_limit_fails() {
    let limited = || JobSpec { timeout_seconds: Some(60), ..retried(3) };
    let job = stopping(limited(), StopCause::Timeout);
    assert_eq!(
        seen(&job),
        (Status::Stopping, Reason::TimedOut, "being stopped: the running time reached the time limit of 1m")
    );
    let workers = vec![exited(0, Exit::Signal(15), 80_000), exited(1, Exit::Signal(9), 90_000)];
    let done = on(job, ended_with(workers, None, true));
    assert_eq!(
        seen(&done.job),
        (Status::Failed, Reason::TimedOut, "stopped: the running time reached the time limit of 1m")
    );
    assert_eq!((done.notes[0].actor.as_str(), done.job.retries), ("system", RetryCounts::default()));
    let retrying = on(retrying(limited()), Transition::StopRequested(StopCause::Timeout)).job;
    assert_eq!((retrying.status(), retrying.reason), (Status::Failed, Reason::TimedOut));
}

#[test]
fn a_job_that_ends_well_before_the_stop_reaches_it_has_succeeded() {
    for cause in [user(), StopCause::Timeout] {
        let done = on(stopping(spec(2), cause), ended(Exit::Code(0), Exit::Code(0)));
        assert_eq!((done.job.status(), done.job.reason), (Status::Succeeded, Reason::Completed));
    }
}
