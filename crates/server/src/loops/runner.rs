//! Starts placed attempts, observes live ones, stops those that must end: turns the facts of engines into transitions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{TryStreamExt as _, stream};
use trainyard_domain::{
    attempt::WorkerFact,
    id::{CentreId, JobId},
    job::{Attempt, Job, JobState, StopCause, Transition},
    launch::{WorkerPlan, hostfile, worker_plans},
    time::{Span, WallTime},
    workers::worker_names,
};
use trainyard_engine::{
    Engine, EngineError, Handle, Launch, LaunchFile, Observed, Request, Wakeup, WorkerLaunch, WorkerLimits,
};

use super::{apply, wait_timers::StartTimers};
use crate::{
    App,
    centres::{RunningCentre, launch_host, live_jobs},
    failure::Failure,
    storages,
};

/// How long the runner tries to start an attempt. A start takes milliseconds, on a loaded host a second.
const LONGEST_START: Span = Span::from_seconds(5 * 60);

/// How many launches go on at once: each waits for a few writes.
const LAUNCHES: usize = 8;
/// How many changes wait for the disk together.
const CHANGES: usize = 64;

/// The loop that talks to the engines about live attempts, with what it keeps between passes.
#[derive(Debug)]
pub struct Runner {
    app: App,
    starts: Mutex<StartTimers>,
}

/// Resolves when any engine reports a change, and says in which jobs.
pub async fn wakeup(app: &App) -> Wakeup {
    let all: Vec<_> = app.centres.engines().map(|engine| Box::pin(engine.wakeup())).collect();
    if all.is_empty() {
        return std::future::pending().await;
    }
    futures_util::future::select_all(all).await.0
}

impl Runner {
    /// The runner of a server.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), starts: Mutex::default() }
    }

    /// One pass over all live attempts. Returns how soon the first of them reaches its time limit, where one has any.
    ///
    /// # Errors
    /// Those of the store; what was applied before stays.
    pub async fn pass(&mut self) -> Result<Option<Duration>, Failure> {
        let live = live_jobs(&self.app.store).await?;
        let starting = live.iter().filter(|job| matches!(job.state, JobState::Starting));
        let attempts = starting.filter_map(|job| Some((job.id.clone(), job.attempt.as_ref()?.number)));
        self.starts.get_mut().unwrap_or_else(PoisonError::into_inner).keep(&attempts.collect());
        self.look_at(live).await
    }

    /// The same over some jobs alone.
    ///
    /// # Errors
    /// Those of the store; what was applied before stays.
    pub async fn pass_over(&mut self, jobs: BTreeSet<JobId>) -> Result<Option<Duration>, Failure> {
        let jobs: Vec<JobId> = jobs.into_iter().collect();
        let read = self.app.store.jobs_with_versions(&jobs).await?;
        let live = read.into_iter().map(|(job, _)| job).filter(|job| job.status().is_live());
        self.look_at(live.collect()).await
    }

    async fn look_at(&self, live: Vec<Job>) -> Result<Option<Duration>, Failure> {
        let mut by_centre: BTreeMap<CentreId, Vec<Job>> = BTreeMap::new();
        for job in live {
            by_centre.entry(job.centre()).or_default().push(job);
        }
        let mut soonest = None;
        for (number, jobs) in by_centre {
            let Some(engine) = self.app.centres.engine(number) else {
                continue;
            };
            let engine = engine.as_ref();
            let without_handle = stream::iter(jobs.iter().filter(|job| handle(job).is_none()).map(Ok));
            without_handle.try_for_each_concurrent(LAUNCHES, async |job| self.start(engine, job).await).await?;
            soonest = soonest.into_iter().chain(self.observe_all(engine, &jobs).await?).min();
        }
        Ok(soonest)
    }

    /// Launches an attempt that has no handle yet. Repeated, the engine returns the same handle.
    async fn start(&self, engine: &dyn Engine, job: &Job) -> Result<(), Failure> {
        let app = &self.app;
        let Some(attempt) = &job.attempt else {
            return Ok(());
        };
        let centre = app.centres.get(job.centre());
        let started = match (&job.state, centre) {
            // The job was stopped before the server knew whether the attempt had started, or nothing new starts there.
            (JobState::Stopping { .. }, _) | (_, None) => engine.cancel(&job.id, attempt.number).await,
            (_, Some(centre)) => match launch(app, centre, job, attempt) {
                Ok(launch) => engine.launch(&launch).await.map(Some),
                Err(why) => Err(EngineError::Refused(why)),
            },
        };
        let event = match started {
            Ok(Some(handle)) => Transition::Launched { attempt: attempt.number, handle: handle.0 },
            Ok(None) if centre.is_none() && !matches!(job.state, JobState::Stopping { .. }) => {
                let message = format!("centre {} was removed from the configuration before it started", job.centre());
                let (workers, budget) = (Vec::new(), app.platform_retries);
                Transition::AttemptLost { message, running: Span::ZERO, workers, budget }
            }
            Ok(None) => Transition::LaunchRefused("it was stopped before it started".to_owned()),
            Err(EngineError::Refused(why)) => Transition::LaunchRefused(why),
            Err(EngineError::Unavailable(why) | EngineError::Unreachable(why)) => {
                tracing::warn!(job = %job.id, "the engine could not launch it; the next pass tries again: {why}");
                return if self.is_given_up(job) { self.give_up(engine, job).await } else { Ok(()) };
            }
        };
        apply(app, job, event).await?;
        // Its first facts come at once or soon; do not wait for the timer.
        app.runner.notify(&job.id);
        Ok(())
    }

    async fn observe_all(&self, engine: &dyn Engine, jobs: &[Job]) -> Result<Option<Duration>, Failure> {
        let launched: Vec<(&Job, Handle)> = jobs.iter().filter_map(|job| Some((job, handle(job)?))).collect();
        let handles: Vec<Handle> = launched.iter().map(|(_, handle)| handle.clone()).collect();
        if handles.is_empty() {
            return Ok(None);
        }
        let seen: Vec<_> = launched.into_iter().zip(engine.observe(&handles).await).collect();
        let soonest = seen.iter().filter_map(|((job, _), observed)| time_left(job, observed.as_ref().ok()?)).min();
        let changes = stream::iter(seen.into_iter().map(Ok));
        let applied = changes.try_for_each_concurrent(CHANGES, async |((job, handle), observed)| match observed {
            Ok(observed) => self.apply_observation(engine, job, &handle, observed).await,
            Err(error) => {
                tracing::warn!(job = %job.id, "the engine could not observe it: {error}");
                Ok(())
            }
        });
        applied.await?;
        Ok(soonest)
    }

    async fn apply_observation(
        &self,
        engine: &dyn Engine,
        job: &Job,
        handle: &Handle,
        observed: Observed,
    ) -> Result<(), Failure> {
        let app = &self.app;
        match observed {
            Observed::NotStarted if self.is_given_up(job) => self.give_up(engine, job).await,
            Observed::NotStarted => self.start(engine, job).await,
            Observed::Waiting { .. } => Ok(()),
            Observed::Running { started_ms, running_ms, workers } => {
                let (started, running) = (started_ms.map(WallTime::from_ms), Span::from_ms(running_ms));
                if is_new(job, started, &workers) {
                    apply(app, job, Transition::Seen { started, workers }).await?;
                }
                if let JobState::Stopping { .. } = job.state {
                    // Repeated at every pass: the engine acts once, and after a lost request the job would run on.
                    if let Err(error) = engine.stop(handle, job.spec.stop_grace_seconds).await {
                        tracing::warn!(job = %job.id, "the engine could not stop it; the next pass tries again: {error}");
                    }
                } else if is_over_time(job, running) {
                    apply(app, job, Transition::StopRequested(StopCause::Timeout)).await?;
                    app.runner.notify(&job.id);
                }
                Ok(())
            }
            Observed::Ended { started_ms, ended_ms, running_ms, workers, first_failure, stopped } => {
                let event = Transition::AttemptEnded {
                    started: started_ms.map(WallTime::from_ms),
                    ended: WallTime::from_ms(ended_ms),
                    running: Span::from_ms(running_ms),
                    workers,
                    first_failure,
                    stopped,
                };
                apply(app, job, event).await?;
                app.scheduler.notify_one();
                Ok(())
            }
            Observed::Lost { message, running_ms, workers, reboot: _ } => {
                let budget = app.platform_retries;
                apply(
                    app,
                    job,
                    Transition::AttemptLost { message, running: Span::from_ms(running_ms), workers, budget },
                )
                .await?;
                app.scheduler.notify_one();
                Ok(())
            }
        }
    }

    /// Whether the runner has tried for so long to start an attempt that the platform must be broken.
    fn is_given_up(&self, job: &Job) -> bool {
        let Some(attempt) = &job.attempt else { return false };
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.tried_for(&(job.id.clone(), attempt.number), &self.app.clock) > LONGEST_START
    }

    /// Declares an attempt lost that does not start, once the engine has ensured that it never will.
    async fn give_up(&self, engine: &dyn Engine, job: &Job) -> Result<(), Failure> {
        let Some(attempt) = &job.attempt else { return Ok(()) };
        match engine.cancel(&job.id, attempt.number).await {
            Ok(None) => {
                let message = "the engine could not start it in many tries; the server's log says why".to_owned();
                let (workers, budget) = (Vec::new(), self.app.platform_retries);
                let event = Transition::AttemptLost { message, running: Span::ZERO, workers, budget };
                apply(&self.app, job, event).await?;
                self.app.scheduler.notify_one();
            }
            Ok(Some(_)) => {}
            Err(error) => {
                tracing::warn!(job = %job.id, "the engine could not cancel it; the next pass tries again: {error}");
            }
        }
        Ok(())
    }
}

fn handle(job: &Job) -> Option<Handle> {
    job.attempt.as_ref().and_then(|attempt| attempt.handle.clone()).map(Handle)
}

fn launch(app: &App, centre: &RunningCentre, job: &Job, attempt: &Attempt) -> Result<Launch, String> {
    let of_worker = |plan: WorkerPlan| WorkerLaunch {
        rank: plan.rank,
        pod_name: plan.pod_name,
        process: plan.own_process,
        env: plan.env.into_iter().collect(),
    };
    let (files, workers, request) = match centre.engine.local() {
        Some(local) => {
            let host = launch_host(local, &job.id, attempt.number);
            let plans = worker_plans(&job.id, &job.name, attempt.number, &job.spec, &attempt.placement, &host);
            let file = LaunchFile { path: host.hostfile.clone().into(), text: hostfile(&job.spec) };
            (vec![file], plans.map(of_worker).collect(), None)
        }
        None => {
            let without_env = |(rank, pod_name)| WorkerLaunch { rank, pod_name, process: true, env: Vec::new() };
            let workers = (0..).zip(worker_names(&job.id, job.spec.workers)).map(without_env);
            (Vec::new(), workers.collect(), Some(request(job)))
        }
    };
    Ok(Launch {
        job: job.id.clone(),
        attempt: attempt.number,
        command: job.spec.command.clone(),
        work_dir: job.spec.work_dir.clone(),
        stop_grace_seconds: job.spec.stop_grace_seconds,
        limits: Some(WorkerLimits { cpu_milli: job.spec.size.cpu_milli, memory_bytes: job.spec.size.memory_bytes }),
        files,
        workers,
        mounts: storages::launch_mounts(centre, &job.spec)?,
        hidden: storages::hidden_paths(app),
        sealed: storages::read_only_paths(centre),
        request,
    })
}

/// What an engine that places the job itself must know of it.
fn request(job: &Job) -> Request {
    let time_left = job.spec.time_limit().map(|limit| limit - job.ran);
    let time_left_ms = time_left.map(|left| u64::try_from(left.as_ms()).unwrap_or_default());
    Request { job_name: job.name.clone(), spec: job.spec.clone(), time_left_ms }
}

/// How long a running attempt may still run, where its job has a time limit.
fn time_left(job: &Job, observed: &Observed) -> Option<Duration> {
    let (JobState::Running { .. } | JobState::Starting, Observed::Running { running_ms, .. }) = (&job.state, observed)
    else {
        return None;
    };
    let ran = job.ran + Span::from_ms(*running_ms);
    Some(Duration::from(job.spec.time_limit()? - ran))
}

/// Whether the facts differ from the job's record.
fn is_new(job: &Job, started: Option<WallTime>, workers: &[WorkerFact]) -> bool {
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

fn is_over_time(job: &Job, running: Span) -> bool {
    job.spec.is_over_time(job.ran + running)
}
