//! A job in the queue of an engine that places jobs itself.

use super::*;

#[test]
fn a_job_that_is_handed_over_has_an_attempt_without_a_placement() {
    let changed = on(queued(spec(2)), Transition::HandedOver);
    assert_eq!(kinds(&changed), ["Pending"]);
    let job = changed.job;
    assert_eq!(seen(&job).0, Status::Pending);
    let attempt = attempt(&job);
    assert_eq!((attempt.number, &attempt.placement, attempt.ended), (1, &Placement::default(), None));
    assert_eq!((attempt.status, attempt.started, attempt.handle.as_deref()), (Status::Pending, None, None));
    let launched = on(job, Transition::Launched { attempt: 1, handle: "h".to_owned() }).job;
    assert_eq!((launched.status(), launched.attempt.unwrap().handle.as_deref()), (Status::Pending, Some("h")));
}

#[test]
fn reasons_and_expected_start_come_from_the_engine_and_only_the_first_is_history() {
    let changed = on(pending(spec(2)), waiting("no node is free"));
    assert_eq!(kinds(&changed), [] as [&str; 0]);
    let message = "no node is free";
    assert_eq!(seen(&changed.job), (Status::Pending, Reason::WaitingForResources, message));
    assert_eq!(attempt(&changed.job).message, message);
    let JobState::Pending { waiting: reasons, expected_start } = &changed.job.state else { panic!() };
    assert_eq!((reasons[0].code, *expected_start), (WaitCode::EngineQueue, Some(at(200_000))));
    let changed = on(changed.job, waiting("the partition is down"));
    assert_eq!((changed.notes.len(), changed.job.message.as_str()), (0, "the partition is down"));
}

#[test]
fn a_pending_job_starts_with_its_engine_and_its_waiting_does_not_count_as_running() {
    let job = on(pending(spec(2)), waiting("no node is free")).job;
    let starting = on(job, Transition::Seen { started: None, workers: vec![living(0, Some(1)), living(1, None)] });
    assert_eq!(kinds(&starting), ["Starting"]);
    assert_eq!((starting.job.status(), attempt(&starting.job).status), (Status::Starting, Status::Starting));
    let running = on(starting.job, seen_running());
    assert_eq!((kinds(&running), running.job.started), (vec!["Running"], Some(at(50_000))));
    // A job that ended before the server saw it start has run in its history.
    let over = on(pending(spec(2)), ended(Exit::Code(0), Exit::Code(0)));
    assert_eq!(kinds(&over), ["Running", "Succeeded"]);
    assert_eq!(over.job.ran, span(40_000));
}

#[test]
fn the_engine_confirms_the_stop_of_a_pending_job() {
    let stopping = on(pending(spec(2)), Transition::StopRequested(user())).job;
    assert_eq!(stopping.status(), Status::Stopping);
    assert_eq!(on(stopping.clone(), waiting("no node is free")).job, stopping);
    let ended = Transition::AttemptEnded {
        started: None,
        ended: at(90_000),
        running: span(0),
        workers: Vec::new(),
        first_failure: None,
        stopped: true,
    };
    let stopped = on(stopping, ended).job;
    assert_eq!(seen(&stopped), (Status::Stopped, Reason::StoppedByUser, "stopped by bob"));
    assert_eq!((stopped.started, stopped.ran), (None, span(0)));
    assert_eq!(worker_statuses(&stopped), [Status::Stopped; 2]);
}

#[test]
fn a_retry_is_handed_over_again() {
    let lost = on(pending(retried(3)), lost());
    assert_eq!(seen(&lost.job).0, Status::Retrying);
    let queued = on(lost.job, Transition::RetryDue).job;
    let again = on(queued, Transition::HandedOver).job;
    assert_eq!((again.status(), attempt(&again).number), (Status::Pending, 2));
}

#[test]
fn a_job_that_the_engine_takes_back_into_its_queue_waits_again() {
    let placed = on(pending(spec(2)), Transition::Seen { started: None, workers: Vec::new() }).job;
    let back = on(placed, waiting("the node failed while it was set up"));
    assert_eq!((kinds(&back), back.job.status()), (vec!["Pending"], Status::Pending));
}
