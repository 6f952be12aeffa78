//! Begins what was placed, watches what runs, ends what must end: turns the engine's facts into events.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{TryStreamExt as _, stream};
use trainyard_domain::{
    attempt::WorkerFact,
    id::{CentreId, JobId},
    job::{Attempt, Job, JobState, StopCause, Transition},
    launch::{hostfile, worker_plans},
};
use trainyard_engine::{Engine, EngineError, Handle, Launch, LaunchFile, Observed, Wakeup, WorkerLaunch, WorkerLimits};

use super::apply;
use crate::{
    App,
    centres::{RunningCentre, live_jobs},
    failure::Failure,
    storages,
};

/// How long an attempt may take to begin; a start takes milliseconds, on a loaded host a second.
const LONGEST_START_MS: i64 = 5 * 60 * 1000;

/// How many launches go on at once: each has a few writes to wait for.
const LAUNCHES: usize = 8;
/// How many changes wait for the disk together.
const CHANGES: usize = 64;

/// One pass over all live attempts; answers how soon the first of them reaches its time limit, where one has any.
///
/// # Errors
/// Those of the store; what was applied before stays.
pub async fn pass(app: &App) -> Result<Option<Duration>, Failure> {
    let live = live_jobs(app).await?;
    let starting = live.iter().filter(|job| matches!(job.state, JobState::Starting));
    let attempts = starting.filter_map(|job| Some((job.id.clone(), job.attempt.as_ref()?.number)));
    app.waits.keep_starts(&attempts.collect());
    look_at(app, live).await
}

/// The same over some jobs alone.
///
/// # Errors
/// Those of the store; what was applied before stays.
pub async fn pass_over(app: &App, jobs: BTreeSet<JobId>) -> Result<Option<Duration>, Failure> {
    let jobs: Vec<JobId> = jobs.into_iter().collect();
    let read = app.store.jobs_with_versions(&jobs).await?;
    let live = read.into_iter().map(|(job, _)| job).filter(|job| job.status().is_live());
    look_at(app, live.collect()).await
}

async fn look_at(app: &App, live: Vec<Job>) -> Result<Option<Duration>, Failure> {
    let mut by_centre: BTreeMap<CentreId, Vec<Job>> = BTreeMap::new();
    for job in live {
        by_centre.entry(job.centre()).or_default().push(job);
    }
    let mut soonest = None;
    for (number, jobs) in by_centre {
        let Some(engine) = app.centres.engine(number) else {
            continue;
        };
        let engine = engine.as_ref();
        let unbegun = stream::iter(jobs.iter().filter(|job| handle(job).is_none()).map(Ok));
        unbegun.try_for_each_concurrent(LAUNCHES, async |job| begin(app, engine, job).await).await?;
        soonest = soonest.into_iter().chain(observe_all(app, engine, &jobs).await?).min();
    }
    Ok(soonest)
}

/// Resolves when any engine may have news, and says of which jobs.
pub async fn news(app: &App) -> Wakeup {
    let all: Vec<_> = app.centres.iter().map(|centre| Box::pin(centre.engine.wakeup())).collect();
    if all.is_empty() {
        return std::future::pending().await;
    }
    futures_util::future::select_all(all).await.0
}

fn handle(job: &Job) -> Option<Handle> {
    job.attempt.as_ref().and_then(|attempt| attempt.handle.clone()).map(Handle)
}

/// Launches an attempt that has no handle yet; said twice, the engine gives the same handle.
async fn begin(app: &App, engine: &dyn Engine, job: &Job) -> Result<(), Failure> {
    let Some(attempt) = &job.attempt else {
        return Ok(());
    };
    let centre = app.centres.get(job.centre());
    let begun = match (&job.state, centre) {
        // It was to end before anybody knew whether it had begun; or nothing new is to begin there.
        (JobState::Stopping { .. }, _) | (_, None) => engine.cancel(&job.id, attempt.number).await,
        (_, Some(centre)) => match launch(app, centre, job, attempt) {
            Ok(launch) => engine.launch(&launch).await.map(Some),
            Err(why) => Err(EngineError::Refused(why)),
        },
    };
    let event = match begun {
        Ok(Some(handle)) => Transition::Launched { attempt: attempt.number, handle: handle.0 },
        Ok(None) if centre.is_none() && !matches!(job.state, JobState::Stopping { .. }) => {
            let message = format!("centre {} was taken out of the configuration before it began", job.centre());
            let (workers, budget) = (Vec::new(), app.platform_retries);
            Transition::AttemptLost { message, running_ms: 0, workers, budget }
        }
        Ok(None) => Transition::LaunchRefused("it was stopped before it began".to_owned()),
        Err(EngineError::Refused(why)) => Transition::LaunchRefused(why),
        Err(EngineError::Unavailable(why)) => {
            tracing::warn!(job = %job.id, "the engine could not launch and will be asked again: {why}");
            return if is_given_up(app, job) { give_up(app, engine, job).await } else { Ok(()) };
        }
    };
    apply(app, job, event).await?;
    // Its first facts are there at once or soon; do not wait for the timer.
    app.runner.ring(&job.id);
    Ok(())
}

fn launch(app: &App, centre: &RunningCentre, job: &Job, attempt: &Attempt) -> Result<Launch, String> {
    let paths = centre.engine.paths(&job.id, attempt.number);
    let host = centre.host(&job.id, attempt.number);
    let plans = worker_plans(&job.id, &job.name, attempt.number, &job.spec, &attempt.placement, &host);
    Ok(Launch {
        job: job.id.clone(),
        attempt: attempt.number,
        command: job.spec.command.clone(),
        work_dir: job.spec.work_dir.clone(),
        stop_grace_seconds: job.spec.stop_grace_seconds,
        limits: Some(WorkerLimits { cpu_milli: job.spec.size.cpu_milli, memory_bytes: job.spec.size.memory_bytes }),
        files: vec![LaunchFile { path: paths.hostfile.clone(), text: hostfile(&job.spec) }],
        workers: plans
            .map(|plan| WorkerLaunch {
                rank: plan.rank,
                pod_name: plan.pod_name,
                process: plan.own_process,
                env: plan.env.into_iter().collect(),
            })
            .collect(),
        mounts: storages::launch_mounts(centre, &job.spec)?,
        hidden: storages::hidden_paths(app),
        sealed: storages::read_only_paths(centre),
    })
}

async fn observe_all(app: &App, engine: &dyn Engine, jobs: &[Job]) -> Result<Option<Duration>, Failure> {
    let begun: Vec<(&Job, Handle)> = jobs.iter().filter_map(|job| Some((job, handle(job)?))).collect();
    let handles: Vec<Handle> = begun.iter().map(|(_, handle)| handle.clone()).collect();
    if handles.is_empty() {
        return Ok(None);
    }
    let seen: Vec<_> = begun.into_iter().zip(engine.observe(&handles).await).collect();
    let soonest = seen.iter().filter_map(|((job, _), observed)| time_left(job, observed.as_ref().ok()?)).min();
    let changes = stream::iter(seen.into_iter().map(Ok));
    let digested = changes.try_for_each_concurrent(CHANGES, async |((job, handle), observed)| match observed {
        Ok(observed) => apply_observation(app, engine, job, &handle, observed).await,
        Err(error) => {
            tracing::warn!(job = %job.id, "the engine could not say how it is: {error}");
            Ok(())
        }
    });
    digested.await?;
    Ok(soonest)
}

/// How long a running attempt may still run, where its job has a limit.
fn time_left(job: &Job, observed: &Observed) -> Option<Duration> {
    let (JobState::Running { .. } | JobState::Starting, Observed::Running { running_ms, .. }) = (&job.state, observed)
    else {
        return None;
    };
    let limit_ms = job.spec.timeout_seconds?.saturating_mul(1000);
    let ran_ms = u64::try_from(job.ran_ms.saturating_add(*running_ms)).unwrap_or_default();
    Some(Duration::from_millis(limit_ms.saturating_sub(ran_ms)))
}

async fn apply_observation(
    app: &App,
    engine: &dyn Engine,
    job: &Job,
    handle: &Handle,
    observed: Observed,
) -> Result<(), Failure> {
    match observed {
        Observed::NotStarted if is_given_up(app, job) => give_up(app, engine, job).await,
        Observed::NotStarted => begin(app, engine, job).await,
        Observed::Running { started_ms, running_ms, workers } => {
            if is_news(job, started_ms, &workers) {
                apply(app, job, Transition::Seen { started: started_ms, workers }).await?;
            }
            if let JobState::Stopping { .. } = job.state {
                // Said at every pass: the engine takes it once, and a lost wish would let the job run on.
                if let Err(error) = engine.stop(handle, job.spec.stop_grace_seconds).await {
                    tracing::warn!(job = %job.id, "the engine could not stop it and will be asked again: {error}");
                }
            } else if is_over_time(job, running_ms) {
                apply(app, job, Transition::StopRequested(StopCause::Timeout)).await?;
                app.runner.ring(&job.id);
            }
            Ok(())
        }
        Observed::Ended { started_ms, ended_ms, running_ms, workers, first_failure, stopped } => {
            let event = Transition::AttemptEnded {
                started: started_ms,
                ended: ended_ms,
                running_ms,
                workers,
                first_failure,
                stopped,
            };
            apply(app, job, event).await?;
            app.scheduler.notify_one();
            Ok(())
        }
        Observed::Lost { message, running_ms, workers, reboot: _ } => {
            apply(app, job, Transition::AttemptLost { message, running_ms, workers, budget: app.platform_retries })
                .await?;
            app.scheduler.notify_one();
            Ok(())
        }
    }
}

/// Whether an attempt has been tried for so long that what should begin it must be broken.
fn is_given_up(app: &App, job: &Job) -> bool {
    let key = job.attempt.as_ref().map(|attempt| (job.id.clone(), attempt.number));
    key.is_some_and(|key| app.waits.tried_ms(&key, &app.clock) > LONGEST_START_MS)
}

/// Calls an attempt lost that never begins, once it is sure that it never will.
async fn give_up(app: &App, engine: &dyn Engine, job: &Job) -> Result<(), Failure> {
    let Some(attempt) = &job.attempt else { return Ok(()) };
    match engine.cancel(&job.id, attempt.number).await {
        Ok(None) => {
            let message = "the engine could not begin it, however often it tried; its log says why".to_owned();
            let (workers, budget) = (Vec::new(), app.platform_retries);
            apply(app, job, Transition::AttemptLost { message, running_ms: 0, workers, budget }).await?;
            app.scheduler.notify_one();
        }
        Ok(Some(_)) => {}
        Err(error) => tracing::warn!(job = %job.id, "the engine could not cancel it and will be asked again: {error}"),
    }
    Ok(())
}

/// Whether the facts differ from what the job's record says already.
fn is_news(job: &Job, started: Option<i64>, workers: &[WorkerFact]) -> bool {
    let Some(attempt) = &job.attempt else {
        return false;
    };
    let starts = started.is_some() && (attempt.started.is_none() || matches!(job.state, JobState::Starting));
    let differs = |fact: &WorkerFact| {
        let record = attempt.workers.iter().find(|worker| worker.fact.rank == fact.rank);
        record.is_some_and(|worker| worker.own_process && worker.fact != *fact)
    };
    starts || workers.iter().any(differs)
}

fn is_over_time(job: &Job, running_ms: i64) -> bool {
    job.spec.is_over_time(job.ran_ms.saturating_add(running_ms))
}
