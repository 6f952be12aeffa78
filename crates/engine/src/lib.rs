//! The only crate that starts processes.
//!
//! An [`Engine`] starts attempts, observes them and stops them. It reports facts and never decides a job's state, knows no
//! database, and keeps nothing in memory that a restart of the server would lose. Every verb may be repeated.

mod description;
mod error;
pub mod fake;
mod launch;
pub mod local;
mod local_host;
pub mod log;
mod observed;
pub mod peer;
mod resources;

pub use self::{
    description::{Description, Isolation, Killing, Limits},
    error::EngineError,
    launch::{Launch, LaunchFile, LaunchMount, Request, WorkerLaunch, WorkerLimits, WorkerUser},
    local_host::{AttemptPaths, BusyGpu, Deletion, DiskSpace, LocalHost, MountFault, MountPart},
    observed::{Handle, Observed, Placing, Wakeup},
    resources::{Node, Resources},
};
pub use trainyard_domain::job_spec::Problem;

use std::sync::Arc;

use async_trait::async_trait;
use trainyard_domain::{id::JobId, job_spec::JobSpec};

use self::log::LogSource;

/// Starts, observes and stops the attempts of one compute centre.
///
/// An engine that cannot be reached answers [`EngineError::Unreachable`]. That answer says nothing about any attempt: the
/// caller changes no state, gives nothing up and starts nothing twice. An engine that waits for another host bounds the time of
/// each call and gives the same answer when it is over; meanwhile the caller waits, and only this engine's jobs wait with it.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// What this engine is and what it cannot honour, for people.
    fn describe(&self) -> Description;

    /// Which scheduler decides where and when jobs of this engine run: the server's or the engine's own.
    fn placing(&self) -> Placing;

    /// All that this engine can allocate, as far as it knows.
    async fn capacity(&self) -> Result<Resources, EngineError>;

    /// What this engine refuses or cannot honour in a spec. The preview and the creation of a job ask the same question.
    /// The answer comes at once and without IO.
    fn judge(&self, spec: &JobSpec) -> Vec<Problem>;

    /// Starts an attempt, or hands it to the engine's own queue. Repeated calls for one attempt, also at the same moment
    /// or by two servers one after the other, start one run and return the same handle.
    async fn launch(&self, launch: &Launch) -> Result<Handle, EngineError>;

    /// Ends an attempt that may or may not have started. Returns its handle if the attempt has started or waits in the
    /// engine's queue: the caller then stops it. Otherwise returns `None`; the attempt then never starts, because a
    /// later [`Engine::launch`] of it is refused.
    async fn cancel(&self, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError>;

    /// The present state of each attempt, in the order of the handles. One call observes all of them.
    async fn observe(&self, handles: &[Handle]) -> Vec<Result<Observed, EngineError>>;

    /// Asks for the end of an attempt: SIGTERM to every process, the grace, then SIGKILL; an attempt that waits in the
    /// engine's queue leaves it. Returns when the request is durable, not when it is fulfilled. A later call can shorten
    /// the grace and never lengthens it.
    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError>;

    /// Resolves when something may have changed since the last call, and says where. It may be dropped at any await, and
    /// may resolve without a change. A caller still observes everything from time to time.
    async fn wakeup(&self) -> Wakeup;

    /// The log of one worker: everything that it printed. There may be none yet.
    fn logs(&self, job: &JobId, attempt: u32, rank: u32) -> Arc<dyn LogSource>;

    /// Removes a job from all that the engine keeps. Fails while an attempt of the job runs. Succeeds if the engine keeps
    /// nothing for the job. The files may stay on the disk for a while: see [`LocalHost::deleted_folders`].
    async fn forget(&self, job: &JobId) -> Result<(), EngineError>;

    /// The jobs for which the engine keeps something, in any order.
    async fn found(&self) -> Result<Vec<JobId>, EngineError>;

    /// Whether the engine still has any record of an attempt. With a handle, the engine looks where the handle points,
    /// otherwise where a launch would put the attempt.
    async fn has_trace(&self, job: &JobId, attempt: u32, handle: Option<&Handle>) -> Result<bool, EngineError>;

    /// Stops all attempts of a job that has no row in the database, and returns how many there were. The job's files
    /// stay.
    async fn abandon(&self, job: &JobId, grace_seconds: u32) -> Result<usize, EngineError>;

    /// The host of the server, if the workers of this engine run there; otherwise `None`.
    fn local(&self) -> Option<&dyn LocalHost>;
}
