//! Starts placed attempts, observes live ones, stops those that must end: turns the facts of engines into transitions.
//!
//! Each centre has a runner of its own, so that a slow engine delays no job of another. An engine that cannot be reached says
//! nothing: its jobs stay as they are, and nothing is given up or started again.

mod launch;
mod unreadable;

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{TryStreamExt as _, stream};
use trainyard_domain::{
    attempt::WorkerFact,
    id::{CentreId, JobId},
    job::{Job, JobState, StopCause, Transition},
    queue::{Candidate, order},
    reason::{WaitCode, WaitingReason},
    time::{Span, WallTime},
};
use trainyard_engine::{Engine, EngineError, Handle, Observed, Placing, Wakeup};
use trainyard_store::LiveJobs;

use self::launch::launch;
use super::{apply, wait_timers::StartTimers};
use crate::{App, centres::Reachability, failure::Failure};

/// How long the runner tries to start an attempt. A start takes milliseconds, on a loaded host a second.
const LONGEST_START: Span = Span::from_seconds(5 * 60);

/// How many launches go on at once: each waits for a few writes.
const LAUNCHES: usize = 8;
/// How many jobs one pass hands over to an engine that places them, one after the other in the order of the queue; the
/// next pass hands over further ones. So the jobs that the engine has are observed in between.
const HANDOVERS: usize = 32;
/// How many changes wait for the disk together.
const CHANGES: usize = 64;
/// By how much the expected start must move before it is written down.
const EXPECTED_START_STEP: Span = Span::from_seconds(60);

/// The loop that talks to the engine of one centre about live attempts, with what it keeps between passes.
#[derive(Debug)]
pub struct Runner {
    app: App,
    id: CentreId,
    starts: Mutex<StartTimers>,
    /// The jobs with unreadable rows whose end the log has named.
    named: BTreeSet<JobId>,
}

/// The engine of a centre during one pass.
#[derive(Clone, Copy)]
struct Centre<'a> {
    engine: &'a dyn Engine,
    reach: &'a Reachability,
}

impl Runner {
    /// The runners of a server, one for each centre with an engine.
    pub fn all(app: &App) -> Vec<Self> {
        let one = |id| Self { app: app.clone(), id, starts: Mutex::default(), named: BTreeSet::new() };
        app.centres.ids().map(one).collect()
    }

    /// Resolves when the engine reports a change or a signal names a job, and says where to look.
    pub async fn wakeup(&self) -> Wakeup {
        let Some(Centre { engine, .. }) = self.centre() else { return std::future::pending().await };
        tokio::select! {
            wakeup = self.app.runner.notified(self.id) => wakeup,
            wakeup = engine.wakeup() => {
                self.pass_on(engine, &wakeup);
                wakeup
            }
        }
    }

    /// The centres of this host share one data directory, and the shims' notifications reach any of their engines. Those that
    /// name jobs are passed on when the jobs are read.
    fn pass_on(&self, engine: &dyn Engine, wakeup: &Wakeup) {
        let is_here = |id: &CentreId| self.app.centres.engine(*id).is_some_and(|other| other.local().is_some());
        if *wakeup == Wakeup::Everywhere && engine.local().is_some() {
            let others = self.app.centres.ids().filter(|id| *id != self.id).filter(is_here);
            others.for_each(|id| self.app.runner.wake(id, Wakeup::Everywhere));
        }
    }

    /// One pass over all live attempts of the centre. Returns how soon the first of them reaches its time limit, where one has
    /// any.
    ///
    /// Errors: those of the store; what was applied before stays.
    pub async fn pass(&mut self) -> Result<Option<Duration>, Failure> {
        let LiveJobs { jobs, unreadable } = self.app.store.live_jobs_of(self.id).await?;
        let unstarted = jobs.iter().filter(|job| matches!(job.state, JobState::Pending { .. } | JobState::Starting));
        let attempts = unstarted.filter_map(|job| Some((job.id.clone(), job.attempt.as_ref()?.number)));
        self.starts().keep(&attempts.collect());
        self.ask_capacity(jobs.is_empty() && unreadable.is_empty()).await;
        self.observe_unreadable(&unreadable).await;
        self.look_at(&jobs).await
    }

    /// One pass over these jobs only. Those of other centres are passed on to their runners.
    ///
    /// Errors: those of the store; what was applied before stays.
    pub async fn pass_over(&mut self, jobs: BTreeSet<JobId>) -> Result<Option<Duration>, Failure> {
        let jobs: Vec<JobId> = jobs.into_iter().collect();
        let read = self.app.store.jobs_with_versions(&jobs).await?;
        let live = read.into_iter().map(|(job, _)| job).filter(|job| job.status().is_live());
        let (own, others): (Vec<Job>, Vec<Job>) = live.partition(|job| job.centre() == self.id);
        others.iter().for_each(|job| self.app.runner.notify(job.centre(), &job.id));
        self.look_at(&own).await
    }

    /// Asks the engine what it can allocate where it has not said that yet, because it could not be reached. Without live jobs,
    /// this is also the call that finds out whether an engine can be reached again.
    async fn ask_capacity(&self, is_idle: bool) {
        let Some(Centre { engine, reach }) = self.centre() else { return };
        let was_lost = reach.is_lost();
        match self.app.centres.get(self.id).filter(|centre| !centre.has_said_capacity()) {
            // The next pass asks again.
            Some(centre) => drop(centre.ask_capacity(&self.app.clock).await),
            None if is_idle && was_lost => reach.note(&engine.capacity().await, self.app.clock.now()),
            None => return,
        }
        if was_lost && !reach.is_lost() {
            self.app.scheduler.notify_one();
        }
    }

    fn centre(&self) -> Option<Centre<'_>> {
        let centres = &self.app.centres;
        Some(Centre { engine: centres.engine(self.id)?.as_ref(), reach: centres.reach(self.id)? })
    }

    fn starts(&self) -> MutexGuard<'_, StartTimers> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_at(&self, jobs: &[Job]) -> Result<Option<Duration>, Failure> {
        let Some(centre) = self.centre() else { return Ok(None) };
        let without_handle: Vec<&Job> = jobs.iter().filter(|job| handle(job).is_none()).collect();
        match centre.engine.placing() {
            Placing::Server => {
                let all = stream::iter(without_handle.into_iter().map(Ok));
                all.try_for_each_concurrent(LAUNCHES, async |job| self.start(centre, job).await).await?;
            }
            Placing::Engine => self.hand_over(centre, &without_handle).await?,
        }
        self.observe_all(centre, jobs).await
    }

    /// Hands jobs over in the order of our queue: an engine without an order of its own starts them in that order.
    async fn hand_over(&self, centre: Centre<'_>, jobs: &[&Job]) -> Result<(), Failure> {
        let candidates: Vec<Candidate> = jobs.iter().map(|job| Candidate::of(job)).collect();
        let rules = trainyard_domain::queue::Rules { ageing: self.app.ageing, assumed: None };
        let ordered = order(rules, self.app.clock.now(), &candidates);
        let (now, later) = ordered.split_at(ordered.len().min(HANDOVERS));
        for id in now {
            if let Some(job) = jobs.iter().find(|job| job.id == **id) {
                self.start(centre, job).await?;
            }
        }
        later.iter().for_each(|id| self.app.runner.notify(self.id, id));
        Ok(())
    }

    /// Launches an attempt that has no handle yet. Repeated, the engine returns the same handle.
    async fn start(&self, to: Centre<'_>, job: &Job) -> Result<(), Failure> {
        let app = &self.app;
        let Some(attempt) = &job.attempt else {
            return Ok(());
        };
        let centre = app.centres.get(job.centre());
        let mut impossible = None;
        let started = match (&job.state, centre) {
            // The job was stopped before the server knew whether the attempt had started, or its centre starts no jobs
            // any more.
            (JobState::Stopping { .. }, _) | (_, None) => to.engine.cancel(&job.id, attempt.number).await,
            (_, Some(centre)) => match launch(app, centre, job, attempt).await {
                Ok(launch) => to.engine.launch(&launch).await.map(Some),
                // The attempt may have started before its launch became impossible.
                Err(EngineError::Refused(why)) => {
                    impossible = Some(why);
                    to.engine.cancel(&job.id, attempt.number).await
                }
                Err(error) => Err(error),
            },
        };
        to.reach.note(&started, app.clock.now());
        let event = match started {
            Ok(Some(handle)) => Transition::Launched { attempt: attempt.number, handle: handle.0 },
            Ok(None) if centre.is_none() && !matches!(job.state, JobState::Stopping { .. }) => {
                let message = format!("centre {} was removed from the configuration before it started", job.centre());
                let (workers, budget) = (Vec::new(), app.platform_retries);
                Transition::AttemptLost { message, running: Span::ZERO, workers, budget }
            }
            Ok(None) => {
                let stopped = || "it was stopped before it started".to_owned();
                Transition::LaunchRefused(impossible.unwrap_or_else(stopped))
            }
            Err(EngineError::Refused(why)) => Transition::LaunchRefused(why),
            Err(EngineError::Unavailable(why)) => {
                tracing::warn!(job = %job.id, "the engine could not launch it; the next pass tries again: {why}");
                return if self.is_given_up(job) { self.give_up(to, job).await } else { Ok(()) };
            }
            Err(EngineError::Unreachable(_)) => {
                // Time without an answer does not count as time in which the engine failed to start the attempt.
                self.starts().forget(&(job.id.clone(), attempt.number));
                return Ok(());
            }
        };
        apply(app, job, event).await?;
        // Its first facts come at once or soon; do not wait for the timer.
        app.runner.notify(self.id, &job.id);
        Ok(())
    }

    async fn observe_all(&self, centre: Centre<'_>, jobs: &[Job]) -> Result<Option<Duration>, Failure> {
        let launched: Vec<(&Job, Handle)> = jobs.iter().filter_map(|job| Some((job, handle(job)?))).collect();
        let handles: Vec<Handle> = launched.iter().map(|(_, handle)| handle.clone()).collect();
        if handles.is_empty() {
            return Ok(None);
        }
        let seen = centre.engine.observe(&handles).await;
        // One answer about any job shows that the engine can be reached.
        let is_lost = |answer: &&Result<_, EngineError>| matches!(answer, Err(EngineError::Unreachable(_)));
        if let Some(answer) = seen.iter().find(|answer| !is_lost(answer)).or_else(|| seen.first()) {
            centre.reach.note(answer, self.app.clock.now());
        }
        let seen: Vec<_> = launched.into_iter().zip(seen).collect();
        let soonest = seen.iter().filter_map(|((job, _), observed)| time_left(job, observed.as_ref().ok()?)).min();
        let changes = stream::iter(seen.into_iter().map(Ok));
        let applied = changes.try_for_each_concurrent(CHANGES, async |((job, handle), observed)| match observed {
            Ok(observed) => self.apply_observation(centre, job, &handle, observed).await,
            Err(EngineError::Unreachable(_)) => Ok(()),
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
        centre: Centre<'_>,
        job: &Job,
        handle: &Handle,
        observed: Observed,
    ) -> Result<(), Failure> {
        let app = &self.app;
        match observed {
            Observed::NotStarted if self.is_given_up(job) => self.give_up(centre, job).await,
            Observed::NotStarted => self.start(centre, job).await,
            // An attempt that the server has placed is starting, whatever the engine still waits for.
            Observed::Waiting { .. } if centre.engine.placing() == Placing::Server => Ok(()),
            Observed::Waiting { reasons, expected_start } => {
                if let JobState::Stopping { .. } = job.state {
                    self.stop(centre, job, handle).await;
                    return Ok(());
                }
                let waiting = waiting_reasons(reasons);
                if is_new_wait(job, &waiting, expected_start) {
                    apply(app, job, Transition::WaitingInEngine { waiting, expected_start }).await?;
                }
                Ok(())
            }
            Observed::Running { started, running, workers } => {
                if is_new(job, started, &workers) {
                    apply(app, job, Transition::Seen { started, workers }).await?;
                }
                if let JobState::Stopping { .. } = job.state {
                    self.stop(centre, job, handle).await;
                } else if is_over_time(job, running) {
                    apply(app, job, Transition::StopRequested(StopCause::Timeout)).await?;
                    app.runner.notify(self.id, &job.id);
                }
                Ok(())
            }
            Observed::Ended { started, ended, running, workers, first_failure, stopped } => {
                let event = Transition::AttemptEnded { started, ended, running, workers, first_failure, stopped };
                apply(app, job, event).await?;
                app.scheduler.notify_one();
                Ok(())
            }
            Observed::Lost { message, running, workers, reboot: _ } => {
                let budget = app.platform_retries;
                apply(app, job, Transition::AttemptLost { message, running, workers, budget }).await?;
                app.scheduler.notify_one();
                Ok(())
            }
        }
    }

    /// Requests a stop, again in every pass: the engine acts only once, and a lost request must not let the job run on.
    async fn stop(&self, centre: Centre<'_>, job: &Job, handle: &Handle) {
        if let Err(error) = centre.engine.stop(handle, job.spec.stop_grace_seconds).await {
            tracing::warn!(job = %job.id, "the engine could not stop it; the next pass tries again: {error}");
        }
    }

    /// Whether the runner has tried for so long to start an attempt that the platform must be broken.
    fn is_given_up(&self, job: &Job) -> bool {
        let Some(attempt) = &job.attempt else { return false };
        self.starts().tried_for(&(job.id.clone(), attempt.number), &self.app.clock) > LONGEST_START
    }

    /// Declares an attempt that does not start as lost, once the engine has ensured that it never starts.
    async fn give_up(&self, centre: Centre<'_>, job: &Job) -> Result<(), Failure> {
        let Some(attempt) = &job.attempt else { return Ok(()) };
        match centre.engine.cancel(&job.id, attempt.number).await {
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

/// The reasons of the engine, or one of our own if the engine gives none.
fn waiting_reasons(reasons: Vec<String>) -> Vec<WaitingReason> {
    let reason = |message: String| WaitingReason::new(WaitCode::EngineQueue, message);
    match reasons.is_empty() {
        true => vec![reason("waits in the queue of the engine, which gives no reason".to_owned())],
        false => reasons.into_iter().map(reason).collect(),
    }
}

/// Whether the engine's reasons or expected start of a waiting attempt differ from the job's record. An expected start
/// moves all the time; small moves are not recorded.
fn is_new_wait(job: &Job, now: &[WaitingReason], now_expected: Option<WallTime>) -> bool {
    let JobState::Pending { waiting, expected_start } = &job.state else {
        return true;
    };
    let has_moved = match (expected_start, now_expected) {
        (Some(before), Some(now)) => (now - *before).max(*before - now) >= EXPECTED_START_STEP,
        (before, now) => before.is_some() != now.is_some(),
    };
    has_moved || waiting != now
}

/// How long a running attempt may still run, where its job has a time limit.
fn time_left(job: &Job, observed: &Observed) -> Option<Duration> {
    let (JobState::Running { .. } | JobState::Starting, Observed::Running { running, .. }) = (&job.state, observed)
    else {
        return None;
    };
    let ran = job.ran + *running;
    Some(Duration::from(job.spec.time_limit()? - ran))
}

/// Whether the facts differ from the job's record.
fn is_new(job: &Job, started: Option<WallTime>, workers: &[WorkerFact]) -> bool {
    let Some(attempt) = &job.attempt else {
        return false;
    };
    let is_unstarted = matches!(job.state, JobState::Pending { .. } | JobState::Starting);
    let starts = started.is_some() && (attempt.started.is_none() || is_unstarted);
    let leaves_queue = matches!(job.state, JobState::Pending { .. });
    let differs = |fact: &WorkerFact| {
        let record = attempt.workers.iter().find(|worker| worker.fact.rank == fact.rank);
        record.is_some_and(|worker| worker.own_process && worker.fact != *fact)
    };
    starts || leaves_queue || workers.iter().any(differs)
}

fn is_over_time(job: &Job, running: Span) -> bool {
    job.spec.is_over_time(job.ran + running)
}
