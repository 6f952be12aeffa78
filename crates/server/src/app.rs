//! The parts of a server that every use case and loop works with: the store, the centres, the clock, and the signals
//! that wake the loops. A loop keeps the state that only it needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use trainyard_domain::{
    access::{Action, Actor, Role, Target, Verdict, Visibility, may, may_on},
    id::{CentreId, JobId},
    job::Job,
    template::Template,
    time::Span,
};
use trainyard_engine::Wakeup;
use trainyard_store::{Scope, Store};

use crate::{
    accounts::Accounts,
    blocked_folders::BlockedFolders,
    centres::{Allocations, Centres},
    clock::Clock,
    connections::Connections,
    failure::Failure,
    logs::Logs,
    queue::Queue,
    vault::Vault,
};

/// A pointer to the server's parts. Every call clones it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of the server, which all clones of [`App`] share.
pub struct Parts {
    /// Everything that survives a restart.
    pub store: Store,
    /// The key of the secrets in the store.
    pub vault: Vault,
    /// The compute centres and their engines.
    pub centres: Centres,
    /// The wall clock and the steady clock.
    pub clock: Clock,
    /// The time zone of the times in responses.
    pub zone: jiff::tz::TimeZone,
    /// The accounts of this host that may call without a key.
    pub accounts: Accounts,
    /// The open connections of the API.
    pub connections: Connections,
    /// The data directory: database, keys, and the files of local jobs.
    pub data_dir: PathBuf,
    /// Bytes that must be free in the data directory; below it, no job starts in a centre that writes there.
    pub min_free_bytes: u64,
    /// The user ids for centres in which the jobs of each user run under an id of its own.
    pub pool_uids: RangeInclusive<u32>,
    /// The time from a job's end until its logs are deleted.
    pub retention: Span,
    /// How many faults of the platform one job survives.
    pub platform_retries: u32,
    /// Limits for readers of logs, and the chunks that followers share.
    pub logs: Logs,
    /// The waiting time that lifts a job by one priority class.
    pub ageing: Span,
    /// The waiting reasons of all queued jobs, as the last pass of the scheduler found them.
    pub queue: Queue,
    /// Wakes the scheduler: a job may be able to start.
    pub scheduler: Notify,
    /// The folders of deleted jobs that could not be deleted.
    pub blocked_folders: BlockedFolders,
    /// Wakes the check of released GPUs.
    pub gpus: Notify,
    /// Wakes the cleaner: a job's folder is to be deleted.
    pub cleaner: Notify,
    /// Wakes the runner of a centre for a job whose attempt must be started or ended.
    pub runner: JobSignals,
    /// Cancelled when the server ends: streams close and loops finish their pass.
    pub stop: CancellationToken,
}

impl App {
    /// Shares these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Checks that the server can answer calls: the store must answer.
    ///
    /// Errors: `Unavailable`, with the store's message.
    pub async fn check_ready(&self) -> Result<(), Failure> {
        self.store.ready().await.map_err(|error| Failure::Unavailable(error.to_string()))
    }

    /// Adds to a job that has not ended what is only in the server's memory: the current waiting reasons, and whether
    /// the engine can be reached.
    pub(crate) fn fill_in(&self, job: &mut Job) {
        self.queue.fill_in(job);
        if let Some(reach) = self.centres.reach(job.centre()) {
            reach.fill_in(job, &self.zone);
        }
    }

    /// The resources that live jobs hold now, by centre.
    ///
    /// Errors: those of the store.
    pub async fn allocations(&self) -> Result<Allocations, Failure> {
        Allocations::read(&self.store, &self.centres).await
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("data_dir", &self.data_dir).field("centres", &self.centres).finish_non_exhaustive()
    }
}

/// The signals to the runners, one for each centre with an engine.
#[derive(Debug, Default)]
pub struct JobSignals(BTreeMap<CentreId, JobSignal>);

/// The jobs that were notified since the runner of a centre last asked. It is lost when the server ends, which costs no more
/// than the time until the next pass over all jobs.
#[derive(Debug, Default)]
struct JobSignal {
    jobs: Mutex<Option<Wakeup>>,
    changed: Notify,
}

impl JobSignals {
    /// The signals to the runners of these centres.
    pub fn of(centres: &Centres) -> Self {
        Self(centres.ids().map(|id| (id, JobSignal::default())).collect())
    }

    /// Asks for a look at a job. Where its centre has no engine, nothing can be done to it.
    pub fn notify(&self, centre: CentreId, job: &JobId) {
        self.wake(centre, Wakeup::Of(BTreeSet::from([job.clone()])));
    }

    /// Asks for a look at the jobs of a centre.
    pub(crate) fn wake(&self, centre: CentreId, wakeup: Wakeup) {
        let Some(signal) = self.0.get(&centre) else { return };
        let mut jobs = signal.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        *jobs = Some(match (jobs.take(), wakeup) {
            (Some(Wakeup::Of(mut before)), Wakeup::Of(more)) => {
                before.extend(more);
                Wakeup::Of(before)
            }
            (None, Wakeup::Of(jobs)) => Wakeup::Of(jobs),
            _ => Wakeup::Everywhere,
        });
        signal.changed.notify_one();
    }

    /// Takes everything that was notified for a centre, as soon as there is something. A call that is dropped takes nothing.
    pub(crate) async fn notified(&self, centre: CentreId) -> Wakeup {
        let Some(signal) = self.0.get(&centre) else { return std::future::pending().await };
        loop {
            if let Some(wakeup) = signal.jobs.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return wakeup;
            }
            signal.changed.notified().await;
        }
    }
}

/// Checks whether an actor may do something that has no single target.
///
/// Errors: `Forbidden`.
pub fn allow(actor: &Actor, action: Action) -> Result<(), Failure> {
    match may(actor, action) {
        Verdict::Allowed => Ok(()),
        Verdict::Forbidden | Verdict::Hidden => Err(Failure::Forbidden),
    }
}

/// Checks whether an actor may do something to a template.
///
/// Errors: `Forbidden`, or `NotFound` where the actor may not even see it.
pub fn allow_template(actor: &Actor, action: Action, template: &Template) -> Result<(), Failure> {
    let target = Target { project: &template.project, owner: &template.owner, visibility: template.visibility };
    allow_on(actor, action, &target, "template", template.id.as_str())
}

/// Checks whether an actor may do something to a job, by its project and owner.
///
/// Errors: `Forbidden`, or `NotFound` where the actor may not even see it.
pub fn allow_job(actor: &Actor, action: Action, job: &Job) -> Result<(), Failure> {
    let target = Target { project: &job.project, owner: &job.owner, visibility: Visibility::Project };
    allow_on(actor, action, &target, "job", job.id.as_str())
}

/// Checks whether an actor may do something to a target, which messages call `what` with this id.
///
/// Errors: `Forbidden`, or `NotFound` where the actor may not even see it.
pub(crate) fn allow_on(
    actor: &Actor,
    action: Action,
    target: &Target<'_>,
    what: &'static str,
    id: &str,
) -> Result<(), Failure> {
    match may_on(actor, action, target) {
        Verdict::Allowed => Ok(()),
        Verdict::Forbidden => Err(Failure::Forbidden),
        Verdict::Hidden => Err(Failure::not_found(what, id)),
    }
}

/// Which templates and jobs an actor sees in lists.
pub fn scope(actor: &Actor) -> Scope {
    match actor.role {
        Role::Admin => Scope::All,
        role => {
            Scope::Seen { project: actor.project.clone(), user: actor.user.clone(), manages: role == Role::Manager }
        }
    }
}
