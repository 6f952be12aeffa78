//! What every use case and loop works with: the store, the centres, the clock, and the bells that wake the loops.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use trainyard_domain::{
    access::{Action, Actor, Role, Target, Verdict, Visibility, may, may_on},
    template::Template,
};
use trainyard_store::{Scope, Store};

use crate::{
    centres::Centres,
    clock::Clock,
    failure::Failure,
    jobs::Logs,
    loops::{JobSignal, scheduler::QueueCache},
    queue::Queue,
    retention_clock::RetentionClock,
    wait_timers::WaitTimers,
};

/// The server's parts, the same for all. Every call clones it, so it is a single pointer.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] points to.
pub struct Parts {
    /// Everything that lasts.
    pub store: Store,
    /// Where jobs run.
    pub centres: Centres,
    /// What time it is.
    pub clock: Clock,
    /// The time zone of the answers.
    pub zone: jiff::tz::TimeZone,
    /// Where everything lies.
    pub data_dir: PathBuf,
    /// Below so many free bytes in the data directory nothing new starts.
    pub min_free_bytes: u64,
    /// Milliseconds after a job's end until its logs go.
    pub retention_ms: i64,
    /// The time by which logs grow old.
    pub lived: RetentionClock,
    /// How often the platform may fail one job before the job fails.
    pub platform_retries: u32,
    /// Waits that the loops are in.
    pub waits: WaitTimers,
    /// Where all readers of logs come by.
    pub logs: Logs,
    /// How long a job waits until it rises by one class, in milliseconds.
    pub ageing_ms: i64,
    /// For what waiting jobs wait, as the last pass of the scheduler found.
    pub queue: Queue,
    /// What the scheduler has read before.
    pub known: tokio::sync::Mutex<QueueCache>,
    /// Rung when a job may be able to start.
    pub scheduler: Notify,
    /// Rung when accelerators were given back.
    pub gpus: Notify,
    /// Rung for a job whose attempt must be begun or ended.
    pub runner: JobSignal,
    /// Cancelled when the server is to end: streams close, loops finish their pass.
    pub stop: CancellationToken,
}

impl App {
    /// Puts them together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether calls can be answered: whether the store answers.
    ///
    /// # Errors
    /// `Unavailable`, with what the store says.
    pub async fn check_ready(&self) -> Result<(), Failure> {
        self.store.ready().await.map_err(|error| Failure::Unavailable(error.to_string()))
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

/// Whether an actor may do something that has no single target.
///
/// # Errors
/// `Forbidden`.
pub fn allow(actor: &Actor, action: Action) -> Result<(), Failure> {
    match may(actor, action) {
        Verdict::Allowed => Ok(()),
        Verdict::Forbidden | Verdict::Hidden => Err(Failure::Forbidden),
    }
}

/// Whether an actor may do something to a template.
///
/// # Errors
/// `Forbidden`, or `NotFound` where it may not even be seen.
pub fn allow_template(actor: &Actor, action: Action, template: &Template) -> Result<(), Failure> {
    let target = Target { project: &template.project, owner: &template.owner, visibility: template.visibility };
    allow_on(actor, action, &target, "template", template.id.as_str())
}

/// Whether an actor may do something to a job, by its project and owner.
///
/// # Errors
/// `Forbidden`, or `NotFound` where it may not even be seen.
pub fn allow_job(actor: &Actor, action: Action, job: &trainyard_domain::job::Job) -> Result<(), Failure> {
    let target = Target { project: &job.project, owner: &job.owner, visibility: Visibility::Project };
    allow_on(actor, action, &target, "job", job.id.as_str())
}

fn allow_on(actor: &Actor, action: Action, target: &Target<'_>, what: &'static str, id: &str) -> Result<(), Failure> {
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
