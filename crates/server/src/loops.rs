//! The loops that carry jobs on. Each is a pass without input (read, decide, write), woken early or by a timer;
//! a test calls the pass itself.

pub mod janitor;
pub mod runner;
pub mod scheduler;

use std::time::Duration;

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trainyard_domain::{
    id::JobId,
    job::{Event, Job},
};
use trainyard_store::Outcome;

use crate::{App, failure::Failure};

/// How long a loop waits for its bell before it looks by itself.
const SCHEDULER_TURN: Duration = Duration::from_secs(1);
const RUNNER_TURN: Duration = Duration::from_millis(500);
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
        loop {
            report("runner", runner::pass(&runner).await);
            let bell = async {
                tokio::select! {
                    () = runner.runner.notified() => {}
                    () = runner::news(&runner) => {}
                }
            };
            if !turn(&runner.stop, bell, RUNNER_TURN).await {
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

/// Waits for the bell or the timer; `false` when it is time to end.
async fn turn(stop: &CancellationToken, bell: impl Future<Output = ()>, most: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = bell => !stop.is_cancelled(),
        () = tokio::time::sleep(most) => true,
    }
}

fn report(name: &str, result: Result<(), Failure>) {
    if let Err(error) = result {
        tracing::error!(loop_name = name, "a pass failed and will be repeated: {error}");
    }
}

/// Applies an event to a job as it is now; one that has moved on meanwhile is left to the next pass.
pub(crate) async fn apply(app: &App, job: &Job, event: Event) -> Result<(), Failure> {
    apply_to(app, &job.id, event).await
}

/// The same for a job of which no more is at hand than its id.
async fn apply_to(app: &App, id: &JobId, event: Event) -> Result<(), Failure> {
    let now = app.clock.now();
    match app.store.change(id, now, move |job| job.on(event, now).map(Some)).await? {
        Outcome::Refused(illegal) => {
            tracing::debug!(job = %id, "left to the next pass: {illegal}")
        }
        Outcome::Changed(_) | Outcome::Unchanged(_) | Outcome::NotFound => {}
    }
    Ok(())
}
