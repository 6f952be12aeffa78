//! Decides who starts: reads the queue, asks the plan, applies each decision.

mod queue_cache;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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

pub use self::queue_cache::QueueCache;
use self::queue_cache::{Retrying, Waiting};
use super::apply_to;
use crate::{
    App,
    centres::RunningCentre,
    failure::Failure,
    queue::{Found, count_places},
};

/// How many changes wait for the disk together; each group of them is one wait.
const AT_ONCE: usize = 64;
/// How many rows one pass tells why they wait; further ones are told by the next. What a reader sees does not depend on
/// it.
const MOST_TOLD: usize = 512;

/// One pass over all centres.
///
/// # Errors
/// Those of the store; what was applied before stays.
pub async fn pass(app: &App) -> Result<(), Failure> {
    let mut known = app.known.lock().await;
    known.refresh(&app.store).await?;
    let due = due(app, &known);
    if !due.is_empty() {
        apply_all(app, due.into_iter().map(|id| (id, Transition::RetryDue))).await?;
        known.refresh(&app.store).await?;
    }
    let known = &*known;
    let mut waiting: BTreeMap<CentreId, Vec<&Waiting>> = BTreeMap::new();
    for one in known.waiting() {
        waiting.entry(one.centre).or_default().push(one);
    }
    note_held(app, known);
    let low_disk = low_disk(app);
    let mut ports: BTreeSet<u16> = known.ports().collect();
    let mut found = HashMap::new();
    let mut starts = Vec::new();
    // The centres where some wait who have no place yet.
    let mut uncounted = BTreeSet::new();
    for (&number, all) in &waiting {
        let blocked = match app.centres.get(number) {
            None => {
                let message = format!("centre {number} is not in the configuration");
                Err((WaitingReason::new(WaitCode::Centre, message), None))
            }
            Some(centre) => low_disk.clone().map_or(Ok(centre), |reason| {
                uncounted.insert(number);
                Err((reason, Some(QueuePosition::apart())))
            }),
        };
        match blocked {
            Err((reason, turn)) => {
                let other = || Found::Other(reason.clone(), turn.clone());
                found.extend(all.iter().map(|one| (one.candidate.job.clone(), other())));
            }
            Ok(centre) => {
                let held = known.held().filter(|(at, _)| app.centres.counts(*at, number));
                let mut allocations: Vec<Allocation> = held.map(|(_, allocation)| allocation.clone()).collect();
                allocations.extend(centre.not_clean(&app.clock));
                let quarantined: Arc<[QuarantinedGpu]> = centre.quarantined(&app.clock).into();
                for (id, decision) in decide(app, centre, &allocations, all) {
                    match decision {
                        Decision::Wait(wait) => {
                            found.insert(id, Found::Planned(wait, Arc::clone(&quarantined)));
                        }
                        Decision::Start(placement) => starts.push((centre, id, placement)),
                    }
                }
            }
        }
    }
    let mut begin = Vec::with_capacity(starts.len());
    for (centre, id, placement) in starts {
        match with_ports(centre, known.one_waiting(&id), placement, &mut ports).await {
            Ok(placement) => {
                let given = placement.workers.iter().flat_map(|worker| worker.gpus.iter().copied());
                centre.gpus.note_given(given);
                begin.push((id, Transition::Placed(placement)));
            }
            Err(reason) => {
                found.insert(id, Found::Other(reason, Some(QueuePosition::apart())));
                uncounted.insert(centre.view.id);
            }
        }
    }
    for number in uncounted {
        let all = waiting.get(&number).into_iter().flatten().map(|one| &one.candidate);
        let rules = app.centres.get(number).map_or_else(Rules::default, |centre| rules(app, centre));
        count_places(&order(rules, app.clock.now(), all), &mut found);
    }
    let told = to_tell(known, &found);
    app.queue.found(found);
    if !begin.is_empty() {
        let placed: Vec<JobId> = begin.iter().map(|(id, _)| id.clone()).collect();
        apply_all(app, begin).await?;
        placed.iter().for_each(|id| app.runner.ring(id));
    }
    apply_all(app, told).await
}

/// What jobs gave back is looked at before others get it.
fn note_held(app: &App, known: &QueueCache) {
    let now = app.clock.steady();
    for centre in app.centres.iter() {
        let held = known.held().filter(|(at, _)| app.centres.counts(*at, centre.view.id));
        let gpus = held.flat_map(|(_, allocation)| allocation.gpus.iter().copied()).collect();
        if centre.gpus.note_held(gpus, now) {
            app.gpus.notify_one();
        }
    }
}

/// The jobs whose delay is over; they go back into the queue.
fn due(app: &App, known: &QueueCache) -> Vec<JobId> {
    let is_due = |one: &&Retrying| app.waits.is_due(&one.key, one.until, one.delay_ms, &app.clock);
    let (due, waiting): (Vec<_>, Vec<_>) = known.retrying().partition(is_due);
    app.waits.keep_retries(&waiting.into_iter().map(|one| one.key.clone()).collect());
    due.into_iter().map(|one| one.key.0.clone()).collect()
}

fn decide(
    app: &App,
    centre: &RunningCentre,
    allocations: &[Allocation],
    waiting: &[&Waiting],
) -> Vec<(JobId, Decision)> {
    let (now, rules) = (app.clock.now(), rules(app, centre));
    plan(Situation { now, capacity: centre.capacity(), rules, allocations }, waiting.iter().map(|one| &one.candidate))
}

fn rules(app: &App, centre: &RunningCentre) -> Rules {
    Rules { ageing_ms: app.ageing_ms, assumed_ms: centre.config.assumed_ms() }
}

/// A reason to start nothing, where the data directory's disk is nearly full.
fn low_disk(app: &App) -> Option<WaitingReason> {
    let stat = rustix::fs::statvfs(app.data_dir.as_path()).ok()?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let wanted = app.min_free_bytes.max(disk_reserve(stat.f_blocks.saturating_mul(stat.f_frsize)));
    (free < wanted).then(|| {
        let (free, wanted) = (gb_text(free), gb_text(wanted));
        WaitingReason::new(
            WaitCode::Disk,
            format!("the data directory has {free} GB free and nothing starts below {wanted} GB; make room there"),
        )
    })
}

/// A placement with the ports that the job needs, which are then taken.
async fn with_ports(
    centre: &RunningCentre,
    waiting: Option<&Waiting>,
    mut placement: Placement,
    taken: &mut BTreeSet<u16>,
) -> Result<Placement, WaitingReason> {
    let count = waiting.map_or(0, |waiting| waiting.ports);
    let ports = centre.engine.free_ports(count, taken).await;
    placement.ports = ports.map_err(|error| WaitingReason::new(WaitCode::Ports, error.to_string()))?;
    taken.extend(placement.ports.iter().copied());
    Ok(placement)
}

/// What is worth a line in the history of those that wait.
fn to_tell(known: &QueueCache, found: &HashMap<JobId, Found>) -> Vec<(JobId, Transition)> {
    let is_news = |one: &&Waiting| {
        let found = found.get(&one.candidate.job);
        found.is_some_and(|found| WaitCode::is_news(&one.told, found.codes().into_iter()))
    };
    let news = known.waiting().filter(is_news).take(MOST_TOLD);
    let told = news.filter_map(|one| {
        let reasons = found.get(&one.candidate.job)?.reasons();
        Some((one.candidate.job.clone(), Transition::Waits(reasons)))
    });
    told.collect()
}

async fn apply_all(app: &App, events: impl IntoIterator<Item = (JobId, Transition)>) -> Result<(), Failure> {
    let changes = stream::iter(events).map(Ok);
    changes.try_for_each_concurrent(AT_ONCE, async |(id, event)| apply_to(app, &id, event).await).await
}
