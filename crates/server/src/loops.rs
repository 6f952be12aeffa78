//! The loops that carry jobs on. Each is a pass without input (read, decide, write), woken early or by a timer;
//! a test calls the pass itself.

pub mod gpus;
pub mod janitor;
mod job_signal;
pub mod runner;
pub mod scheduler;

pub use job_signal::JobSignal;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trainyard_domain::{
    id::JobId,
    job::{Job, Transition},
};
use trainyard_engine::Wakeup;
use trainyard_store::Outcome;

use crate::{App, failure::Failure};

/// How long a loop waits for its bell before it looks by itself.
const SCHEDULER_TURN: Duration = Duration::from_secs(1);
/// How long the look at accelerators waits for its bell.
const GPUS_TURN: Duration = Duration::from_secs(1);
/// The shortest and the longest time between two looks of the runner at everything.
const RUNNER_TURN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// What part of its time it may look at everything.
const RUNNER_SHARE: u32 = 10;
const JANITOR_TURN: Duration = Duration::from_secs(600);

/// Starts all loops; each ends after its pass once the token is cancelled.
pub fn start(app: &App, tracker: &TaskTracker) {
    let scheduler = app.clone();
    tracker.spawn(async move {
        loop {
            report("scheduler", scheduler::pass(&scheduler).await);
            if !turn(&scheduler.stop, scheduler.scheduler.notified(), SCHEDULER_TURN).await {
                break;
            }
        }
    });
    let runner = app.clone();
    tracker.spawn(async move {
        run(&runner).await;
    });
    let watch = app.clone();
    tracker.spawn(async move {
        loop {
            gpus::pass(&watch).await;
            if !turn(&watch.stop, watch.gpus.notified(), GPUS_TURN).await {
                break;
            }
        }
    });
    let janitor = app.clone();
    tracker.spawn(async move {
        loop {
            report("janitor", janitor::pass(&janitor).await);
            if !turn(&janitor.stop, std::future::pending(), JANITOR_TURN).await {
                break;
            }
        }
    });
}

/// The runner looks at everything from time to time, and in between where it is told to.
async fn run(app: &App) {
    loop {
        let begun = Instant::now();
        let limit = look("runner", runner::pass(app).await);
        let turn = (begun.elapsed() * RUNNER_SHARE).clamp(RUNNER_TURN.0, RUNNER_TURN.1);
        let mut next = Instant::now() + limit.map_or(turn, |limit| limit.min(turn));
        loop {
            let news = tokio::select! {
                () = app.stop.cancelled() => return,
                () = sleep_until(next) => break,
                jobs = app.runner.heard() => Wakeup::Of(jobs),
                news = runner::news(app) => news,
            };
            let Wakeup::Of(jobs) = news else { break };
            if let Some(limit) = look("runner", runner::pass_over(app, jobs).await) {
                next = next.min(Instant::now() + limit);
            }
        }
    }
}

/// Waits for the bell or the timer; `false` when it is time to end.
async fn turn(stop: &CancellationToken, bell: impl Future<Output = ()>, most: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = bell => !stop.is_cancelled(),
        () = tokio::time::sleep(most) => true,
    }
}

fn report(name: &str, result: Result<(), Failure>) {
    look(name, result.map(|()| None));
}

/// The limit that a pass found.
fn look(name: &str, result: Result<Option<Duration>, Failure>) -> Option<Duration> {
    result.unwrap_or_else(|error| {
        tracing::error!(loop_name = name, "a pass failed and will be repeated: {error}");
        None
    })
}

/// Applies an event to a job as it is now; one that has moved on meanwhile is left to the next pass.
pub(crate) async fn apply(app: &App, job: &Job, event: Transition) -> Result<(), Failure> {
    apply_to(app, &job.id, event).await
}

/// The same for a job of which no more is at hand than its id.
async fn apply_to(app: &App, id: &JobId, event: Transition) -> Result<(), Failure> {
    let now = app.clock.now();
    match app.store.change(id, now, move |job| job.on(event, now).map(Some)).await? {
        Outcome::Refused(illegal) => {
            tracing::debug!(job = %id, "left to the next pass: {illegal}")
        }
        Outcome::Changed(_) | Outcome::Unchanged(_) | Outcome::NotFound => {}
    }
    Ok(())
}
