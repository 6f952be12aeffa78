//! Decides which queued jobs start: reads the queue, asks the plan of each centre, applies each decision.

mod queue_cache;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use trainyard_domain::{
    capacity::disk_reserve,
    id::{CentreId, JobId},
    job::{Placement, Transition},
    job_spec::gb_text,
    queue::{Allocation, Decision, QuarantinedGpu, QueuePosition, Rules, Situation, order, plan},
    reason::{WaitCode, WaitingReason},
};
use trainyard_engine::{LocalHost, Placing};
use trainyard_store::SecretScopes;

use self::queue_cache::{QueueCache, QueuedJob};
use super::{Applied, apply_to, wait_timers::RetryTimers};
use crate::{
    App,
    centres::RunningCentre,
    failure::Failure,
    queue::{Projects, WaitingFor, renumber},
    secrets::PresentSecrets,
};

/// How many changes wait for the disk together; each group of them is one wait.
const AT_ONCE: usize = 64;
/// The number of rows in which one pass records new waiting reasons; the next pass records further ones. Readers see
/// the reasons in memory, so they do not depend on the rows.
const MOST_RECORDED: usize = 512;

/// The loop that starts queued jobs, with what it keeps between passes.
#[derive(Debug)]
pub struct Scheduler {
    app: App,
    cache: QueueCache,
    retries: RetryTimers,
}

/// The decisions of one pass.
#[derive(Default)]
struct Decisions<'c> {
    /// The waiting reasons of each job that stays in the queue.
    waiting_for: HashMap<JobId, WaitingFor>,
    /// The jobs that start, each with its centre.
    starts: Vec<(&'c RunningCentre, &'c QueuedJob, Placement)>,
    /// The jobs that engines take over that place jobs themselves, each with its centre.
    handed_over: Vec<(CentreId, JobId)>,
    /// The centres where some jobs have a position that the plan did not count.
    uncounted: BTreeSet<CentreId>,
}

impl Scheduler {
    /// The scheduler of a server.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), cache: QueueCache::default(), retries: RetryTimers::default() }
    }

    /// One pass over all centres.
    ///
    /// Errors: those of the store; what was applied before stays.
    pub async fn pass(&mut self) -> Result<(), Failure> {
        self.cache.refresh(&self.app.store).await?;
        let due = self.due_retries();
        if !due.is_empty() {
            self.apply_all(due.into_iter().map(|id| (id, Transition::RetryDue))).await?;
            self.cache.refresh(&self.app.store).await?;
        }
        let (app, cache) = (&self.app, &self.cache);
        note_held_gpus(app, cache);
        let (mut decisions, mut low_disks) = (Decisions::default(), LowDisks::default());
        let mut queues: BTreeMap<CentreId, Vec<&QueuedJob>> = BTreeMap::new();
        let secrets = present_secrets(app, cache).await?;
        for job in cache.queued() {
            match missing_secret(job, secrets.as_ref()) {
                Some(reason) => decisions.all_wait(&[job], &reason, None),
                None => queues.entry(job.centre).or_default().push(job),
            }
        }
        for (&number, queue) in &queues {
            let Some(centre) = app.centres.get(number) else {
                let message = format!("centre {number} is not in the configuration");
                decisions.all_wait(queue, &WaitingReason::new(WaitCode::Centre, message), None);
                continue;
            };
            if centre.engine.placing() == Placing::Engine {
                match centre.reach.reason(&app.zone) {
                    // A job that has not been handed over can still be stopped at once.
                    Some(reason) => decisions.all_wait(queue, &reason, None),
                    None => {
                        let jobs = queue.iter().map(|job| (number, job.candidate.job.clone()));
                        decisions.handed_over.extend(jobs);
                    }
                }
                continue;
            }
            match low_disks.reason(app, centre).await {
                Some(reason) => {
                    decisions.all_wait(queue, &reason, Some(QueuePosition::not_planned()));
                    decisions.uncounted.insert(number);
                }
                None => decisions.plan(app, cache, centre, queue),
            }
        }
        let mut starts = decisions.reserve_ports(cache.ports().collect()).await;
        let Decisions { mut waiting_for, uncounted, handed_over, .. } = decisions;
        starts.extend(handed_over.into_iter().map(|(centre, id)| (centre, id, Transition::HandedOver)));
        for number in uncounted {
            let all = queues.get(&number).into_iter().flatten().map(|job| &job.candidate);
            let rules = app.centres.get(number).map_or_else(Rules::default, |centre| rules(app, centre));
            renumber(&order(rules, app.clock.now(), all), &mut waiting_for);
        }
        let projects: Projects = cache.queued().map(|job| (job.candidate.job.clone(), job.project.clone())).collect();
        let records = reasons_to_record(cache, &waiting_for, &projects);
        app.queue.replace(waiting_for, projects);
        if !starts.is_empty() {
            let started: Vec<(CentreId, JobId)> = starts.iter().map(|(centre, id, _)| (*centre, id.clone())).collect();
            self.apply_all(starts.into_iter().map(|(_, id, transition)| (id, transition))).await?;
            started.iter().for_each(|(centre, id)| self.app.runner.notify(*centre, id));
        }
        self.apply_all(records).await
    }

    /// Applies transitions. A job that cannot be read any more leaves the cache, so that no later pass plans with it.
    async fn apply_all(&mut self, events: impl IntoIterator<Item = (JobId, Transition)>) -> Result<(), Failure> {
        let Self { app, cache, .. } = self;
        let changes = stream::iter(events).map(|(id, event)| {
            let app = app.clone();
            async move { apply_to(&app, &id, event).await.map(|applied| (id, applied)) }
        });
        let mut applied = changes.buffer_unordered(AT_ONCE);
        while let Some((id, applied)) = applied.try_next().await? {
            if applied == Applied::Unreadable {
                cache.forget(&id);
            }
        }
        Ok(())
    }

    /// The jobs with a retry delay that is over; they return to the queue.
    fn due_retries(&mut self) -> Vec<JobId> {
        let Self { app, cache, retries } = self;
        let (due, waiting): (Vec<_>, Vec<_>) =
            cache.retrying().partition(|job| retries.is_due(&job.key, job.until, job.delay, &app.clock));
        retries.keep(&waiting.into_iter().map(|job| job.key.clone()).collect());
        due.into_iter().map(|job| job.key.0.clone()).collect()
    }
}

impl<'c> Decisions<'c> {
    /// Lets every job of a queue wait for the same reason.
    fn all_wait(&mut self, queue: &[&QueuedJob], reason: &WaitingReason, position: Option<QueuePosition>) {
        let wait = || WaitingFor::Other(reason.clone(), position.clone());
        self.waiting_for.extend(queue.iter().map(|job| (job.candidate.job.clone(), wait())));
    }

    /// Asks the plan of a centre about its queue.
    fn plan(&mut self, app: &App, cache: &QueueCache, centre: &'c RunningCentre, queue: &[&'c QueuedJob]) {
        let view = centre.view();
        let capacity = &view.capacity;
        let held = cache.live().filter(|live| app.centres.counts(live.centre, centre.id()));
        let of_all = || Allocation::of_all(capacity);
        let mut allocations: Vec<Allocation> =
            held.map(|live| live.allocation.clone().unwrap_or_else(of_all)).collect();
        allocations.extend(centre.not_clean(&app.clock));
        let quarantined: Arc<[QuarantinedGpu]> = centre.quarantined(&app.clock).into();
        let (now, rules) = (app.clock.now(), rules(app, centre));
        let situation = Situation { now, capacity, rules, allocations: &allocations };
        let jobs: HashMap<&JobId, &'c QueuedJob> = queue.iter().map(|job| (&job.candidate.job, *job)).collect();
        for (id, decision) in plan(situation, queue.iter().map(|job| &job.candidate)) {
            match decision {
                Decision::Wait(wait) => {
                    self.waiting_for.insert(id, WaitingFor::Plan(wait, Arc::clone(&quarantined)));
                }
                Decision::Start(placement) => {
                    self.starts.extend(jobs.get(&id).map(|job| (centre, *job, placement)));
                }
            }
        }
    }

    /// Reserves ports for each job that starts. A job without enough free ports waits. `taken` are the reserved ports.
    async fn reserve_ports(&mut self, mut taken: BTreeSet<u16>) -> Vec<(CentreId, JobId, Transition)> {
        let mut placed = Vec::with_capacity(self.starts.len());
        for (centre, job, mut placement) in self.starts.drain(..) {
            let id = job.candidate.job.clone();
            let ports = match centre.engine.local() {
                Some(host) => host.free_ports(job.ports, &taken).await,
                None => Ok(Vec::new()),
            };
            match ports {
                Ok(ports) => {
                    taken.extend(ports.iter().copied());
                    placement.ports = ports;
                    let gpus = placement.workers.iter().flat_map(|worker| worker.gpus.iter().copied());
                    centre.gpus.note_given(gpus);
                    placed.push((centre.id(), id, Transition::Placed(placement)));
                }
                Err(error) => {
                    let reason = WaitingReason::new(WaitCode::Ports, error.to_string());
                    self.waiting_for.insert(id, WaitingFor::Other(reason, Some(QueuePosition::not_planned())));
                    self.uncounted.insert(centre.id());
                }
            }
        }
        placed
    }
}

/// Notes which GPUs live attempts hold. GPUs that were released since the last pass are checked before others get them.
fn note_held_gpus(app: &App, cache: &QueueCache) {
    let now = app.clock.steady();
    for centre in app.centres.iter() {
        let held = cache.live().filter(|live| app.centres.counts(live.centre, centre.id()));
        let all = || Allocation::of_all(&centre.view().capacity).gpus;
        let gpus = held.flat_map(|live| live.allocation.as_ref().map_or_else(all, |held| held.gpus.clone())).collect();
        if centre.gpus.note_held(gpus, now) {
            app.gpus.notify_one();
        }
    }
}

/// The secrets that exist now; not read while no queued job needs one.
async fn present_secrets(app: &App, cache: &QueueCache) -> Result<Option<PresentSecrets>, Failure> {
    match cache.queued().any(|job| job.secrets.is_some()) {
        true => PresentSecrets::read(app, &SecretScopes::All).await.map(Some),
        false => Ok(None),
    }
}

/// The reason not to start a job that would not get all its secrets.
fn missing_secret(job: &QueuedJob, present: Option<&PresentSecrets>) -> Option<WaitingReason> {
    let problem = present?.problem_of(job.secrets.as_ref()?)?;
    Some(WaitingReason::new(WaitCode::Secret, problem))
}

fn rules(app: &App, centre: &RunningCentre) -> Rules {
    Rules { ageing: app.ageing, assumed: centre.config.assumed() }
}

/// What one pass has learned of the data directories: local centres share one.
#[derive(Default)]
struct LowDisks<'c>(BTreeMap<&'c Path, Option<WaitingReason>>);

impl<'c> LowDisks<'c> {
    /// The reason to start nothing in a centre with jobs that write into the data directory, where its disk is nearly full.
    async fn reason(&mut self, app: &App, centre: &'c RunningCentre) -> Option<WaitingReason> {
        let host = centre.engine.local()?;
        if let Some(known) = self.0.get(host.data_dir()) {
            return known.clone();
        }
        let reason = low_disk(app, host).await;
        self.0.insert(host.data_dir(), reason.clone());
        reason
    }
}

async fn low_disk(app: &App, host: &dyn LocalHost) -> Option<WaitingReason> {
    let disk = host.disk_space().await.ok()?;
    let wanted = app.min_free_bytes.max(disk_reserve(disk.size_bytes));
    (disk.free_bytes < wanted).then(|| {
        let (free, wanted) = (gb_text(disk.free_bytes), gb_text(wanted));
        WaitingReason::new(
            WaitCode::Disk,
            format!("the data directory has {free} GB free and nothing starts below {wanted} GB; make room there"),
        )
    })
}

/// The jobs with new waiting reasons that are worth a line in their history.
fn reasons_to_record(
    cache: &QueueCache,
    waiting_for: &HashMap<JobId, WaitingFor>,
    projects: &Projects,
) -> Vec<(JobId, Transition)> {
    let is_new = |job: &&QueuedJob| {
        let found = waiting_for.get(&job.candidate.job);
        found.is_some_and(|found| WaitCode::differ(&job.recorded, found.codes().into_iter()))
    };
    let records = cache.queued().filter(is_new).take(MOST_RECORDED).filter_map(|job| {
        let reasons = waiting_for.get(&job.candidate.job)?.reasons(&job.candidate.job, projects);
        Some((job.candidate.job.clone(), Transition::Waiting(reasons)))
    });
    records.collect()
}
