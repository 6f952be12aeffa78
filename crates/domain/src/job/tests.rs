//! The state machine of a job: which state accepts which transition, and what follows.

mod ending;
mod pending;
mod running;
mod table;
mod user_requests;

use super::*;
use crate::{
    attempt::{Exit, WorkerFact},
    job_spec::{JobSpec, RetryPolicy},
    reason::{Reason, WaitCode, WaitingReason},
    samples::{at, exited, living, queued, span, spec},
};

/// The time of every transition, unless a test sets another.
const NOW: WallTime = at(100_000);

/// A spec of two workers with this many retries; the first delay is ten seconds.
fn retried(max_retries: u32) -> JobSpec {
    JobSpec { retry: Some(RetryPolicy { max_retries, delay_seconds: 10 }), ..spec(2) }
}

fn on(job: Job, event: Transition) -> Changed {
    job.on(event, NOW).unwrap()
}

fn placed() -> Transition {
    Transition::Placed(Placement { workers: vec![WorkerPlace::default(); 2], ports: vec![20_000] })
}

fn user() -> StopCause {
    StopCause::User { actor: "bob".to_owned() }
}

/// The engine sees all workers running.
fn seen_running() -> Transition {
    Transition::Seen { started: Some(at(50_000)), workers: vec![living(0, Some(40_000)), living(1, Some(50_000))] }
}

/// An attempt of two workers ended by itself with these exits.
fn ended(first: Exit, second: Exit) -> Transition {
    Transition::AttemptEnded {
        started: Some(at(50_000)),
        ended: at(90_000),
        running: span(40_000),
        workers: vec![exited(0, first, 80_000), exited(1, second, 90_000)],
        first_failure: None,
        stopped: false,
    }
}

fn lost() -> Transition {
    let message = "the host was rebooted".to_owned();
    Transition::AttemptLost { message, running: span(30_000), workers: Vec::new(), budget: DEFAULT_PLATFORM_RETRIES }
}

/// The engine says that the attempt waits in its queue.
fn waiting(why: &str) -> Transition {
    let waiting = vec![WaitingReason::new(WaitCode::EngineQueue, why)];
    Transition::WaitingInEngine { waiting, expected_start: Some(at(200_000)) }
}

fn pending(spec: JobSpec) -> Job {
    on(queued(spec), Transition::HandedOver).job
}

fn starting(spec: JobSpec) -> Job {
    on(queued(spec), placed()).job
}

fn running(spec: JobSpec) -> Job {
    on(starting(spec), seen_running()).job
}

fn stopping(spec: JobSpec, cause: StopCause) -> Job {
    on(running(spec), Transition::StopRequested(cause)).job
}

fn retrying(spec: JobSpec) -> Job {
    on(running(spec), ended(Exit::Code(1), Exit::Code(0))).job
}

/// State, reason and message of a job.
fn seen(job: &Job) -> (Status, Reason, &str) {
    (job.status(), job.reason, &job.message)
}

/// The kinds of the new lines of the history.
fn kinds(changed: &Changed) -> Vec<&str> {
    changed.notes.iter().map(|note| note.kind.as_str()).collect()
}

fn attempt(job: &Job) -> &Attempt {
    job.attempt.as_ref().unwrap()
}

fn worker_statuses(job: &Job) -> Vec<Status> {
    attempt(job).workers.iter().map(|worker| worker.status).collect()
}

/// An attempt ended with these facts of its workers.
fn ended_with(workers: Vec<WorkerFact>, first_failure: Option<u32>, stopped: bool) -> Transition {
    Transition::AttemptEnded {
        started: Some(at(50_000)),
        ended: at(90_000),
        running: span(40_000),
        workers,
        first_failure,
        stopped,
    }
}
