//! The loops that move jobs along. Each loop repeats a pass without input (read, decide, write), woken early or by a timer.
//!
//! A loop owns the state that only its passes need; none of that state is the truth. A test calls the passes itself.

pub mod cleaner;
pub mod gpus;
pub mod janitor;
mod runner;
pub mod scheduler;
mod wait_timers;

pub use self::{janitor::Janitor, runner::Runner, scheduler::Scheduler};

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trainyard_domain::{
    id::JobId,
    job::{Job, Transition},
};
use trainyard_engine::Wakeup;
use trainyard_store::{Outcome, StoreError};

use crate::{App, failure::Failure};

/// The longest pause between two passes of the scheduler.
const SCHEDULER_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two checks of released GPUs.
const GPUS_PAUSE: Duration = Duration::from_secs(1);
/// The shortest and the longest time between two passes of the runner over all live jobs.
const RUNNER_PERIOD: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// The runner spends at most one part in this many of its time on passes over all live jobs.
const RUNNER_SHARE: u32 = 10;
/// How long a runner may finish its pass when the server stops. The next server continues what is left, as after a kill.
const LAST_PASS: Duration = Duration::from_secs(5);
/// The longest pause between two passes of the cleaner.
const CLEANER_PAUSE: Duration = Duration::from_secs(60);
/// The pause between two passes of the janitor.
const JANITOR_PAUSE: Duration = Duration::from_secs(600);

/// Starts all loops; each ends after its pass once the server stops.
pub fn start(app: &App, tracker: &TaskTracker) {
    let (stopped, mut scheduler) = (app.clone(), Scheduler::new(app));
    tracker.spawn(async move {
        loop {
            report("scheduler", scheduler.pass().await);
            if !pause(&stopped.stop, stopped.scheduler.notified(), SCHEDULER_PAUSE).await {
                break;
            }
        }
    });
    for runner in Runner::all(app) {
        tracker.spawn(run(app.clone(), runner));
    }
    let watched = app.clone();
    tracker.spawn(async move {
        loop {
            gpus::pass(&watched).await;
            if !pause(&watched.stop, watched.gpus.notified(), GPUS_PAUSE).await {
                break;
            }
        }
    });
    let cleaned = app.clone();
    tracker.spawn(async move {
        loop {
            let has_more = cleaner::pass(&cleaned).await;
            let longest = if has_more { Duration::ZERO } else { CLEANER_PAUSE };
            if !pause(&cleaned.stop, cleaned.cleaner.notified(), longest).await {
                break;
            }
        }
    });
    let (stop, mut janitor) = (app.stop.clone(), Janitor::new(app));
    tracker.spawn(async move {
        loop {
            report("janitor", janitor.pass().await);
            if !pause(&stop, std::future::pending(), JANITOR_PAUSE).await {
                break;
            }
        }
    });
}

/// The loop of a runner until the server stops. It does not wait for an engine that answers late.
async fn run(app: App, mut runner: Runner) {
    let late = async {
        app.stop.cancelled().await;
        tokio::time::sleep(LAST_PASS).await;
    };
    tokio::select! {
        () = passes(&app, &mut runner) => {}
        () = late => tracing::warn!("an engine has not answered in time; the next server continues its jobs"),
    }
}

/// A pass over all live jobs from time to time, and in between passes over the jobs that a signal or the engine names.
async fn passes(app: &App, runner: &mut Runner) {
    loop {
        let started = Instant::now();
        let limit = or_log("runner", runner.pass().await);
        let period = (started.elapsed() * RUNNER_SHARE).clamp(RUNNER_PERIOD.0, RUNNER_PERIOD.1);
        let mut next = Instant::now() + limit.map_or(period, |limit| limit.min(period));
        loop {
            let wakeup = tokio::select! {
                () = app.stop.cancelled() => return,
                () = sleep_until(next) => break,
                wakeup = runner.wakeup() => wakeup,
            };
            let Wakeup::Of(jobs) = wakeup else { break };
            if let Some(limit) = or_log("runner", runner.pass_over(jobs).await) {
                next = next.min(Instant::now() + limit);
            }
        }
    }
}

/// Waits for the signal or the timer; `false` when the server stops.
async fn pause(stop: &CancellationToken, signal: impl Future<Output = ()>, longest: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = signal => !stop.is_cancelled(),
        () = tokio::time::sleep(longest) => true,
    }
}

fn report(name: &str, result: Result<(), Failure>) {
    or_log(name, result.map(|()| None));
}

/// The time until the next time limit that a pass found; `None` after a failure, which is logged.
fn or_log(name: &str, result: Result<Option<Duration>, Failure>) -> Option<Duration> {
    result.unwrap_or_else(|error| {
        tracing::error!(loop_name = name, "a pass failed and will be repeated: {error}");
        None
    })
}

/// Applies a transition to a job as it is now. If the job has changed since it was read and the transition is not possible
/// any more, the next pass decides anew.
pub(crate) async fn apply(app: &App, job: &Job, event: Transition) -> Result<(), Failure> {
    apply_to(app, &job.id, event).await.map(|_| ())
}

/// The result of [`apply_to`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    /// The transition was applied, or the next pass decides anew.
    Handled,
    /// The job's row cannot be read; the store has logged which row and why. All other jobs go on.
    Unreadable,
}

/// [`apply`] by the job's id alone.
async fn apply_to(app: &App, id: &JobId, event: Transition) -> Result<Applied, Failure> {
    let now = app.clock.now();
    match app.store.change(id, now, move |job| job.on(event, now).map(Some)).await {
        Ok(Outcome::Refused(illegal)) => tracing::debug!(job = %id, "left to the next pass: {illegal}"),
        Ok(Outcome::Changed(_) | Outcome::Unchanged(_) | Outcome::NotFound) => {}
        Err(StoreError::UnreadableRow { .. }) => return Ok(Applied::Unreadable),
        Err(error) => return Err(error.into()),
    }
    Ok(Applied::Handled)
}
