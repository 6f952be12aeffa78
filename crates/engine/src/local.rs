//! The engine that runs processes of this host, each attempt behind a shim that outlives the server.
//!
//! Files and locks hold the truth, so the server can drop this engine and create it again at any moment. The engine keeps
//! only one process, the starter of shims, which ends with it.

pub mod gpu;
pub mod host;
pub mod kill_method;
pub mod shim;

pub(crate) mod cgroup;
pub(crate) mod dirs;

mod base_env;
mod clock;
mod deleted;
mod describe;
mod durable;
mod env_tag;
mod jobs;
mod launch;
mod listening;
mod lock;
mod means;
mod mountinfo;
mod notify;
mod observe;
mod ports;
mod proc;
mod record;
mod sandbox;
mod secret_file;
mod settings;
mod signals;
mod starter;
mod starter_protocol;
mod stop;
#[cfg(test)]
mod tests;
mod this_host;
mod tree;
mod wake;

use std::{
    path::{self, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, task::spawn_blocking};
use trainyard_domain::{
    attempt::WorkerHost,
    capacity::{Capacity, Gpu},
    id::JobId,
    job_spec::JobSpec,
};

pub use self::settings::{CapacityOverride, DEFAULT_LOG_CAP, DEFAULT_NVIDIA_SMI, Settings};
use self::{
    cgroup::{
        cleanup,
        detect::{DetectOptions, ProcessControl, detect, remove_empty},
    },
    dirs::AttemptDir,
    kill_method::KillMethod,
    means::{Means, Refused},
    ports::Ports,
    starter::Starter,
    wake::WakeFifo,
};
use crate::{
    Description, Engine, EngineError, Handle, Launch, LocalHost, Observed, Placing, Problem, Resources, Wakeup,
    log::{FileSource, LogSource},
};

/// The local engine with runtime `process`.
pub struct LocalEngine {
    inner: Arc<Inner>,
    wake: WakeFifo,
    gpus: OnceCell<Vec<Gpu>>,
}

struct Inner {
    settings: Settings,
    base_env: Vec<(String, String)>,
    boot_id: String,
    ports: Ports,
    /// How processes are killed and limited on this host.
    control: ProcessControl,
    /// The means of isolation that this host does not permit.
    refused: Refused,
    /// The parent process of the shims.
    starter: Starter,
}

/// The content of a handle.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
struct LocalHandle {
    dir: PathBuf,
    boot_id: String,
}

impl LocalEngine {
    /// An engine on the data directory of the settings.
    pub fn new(mut settings: Settings) -> Result<Self, EngineError> {
        if !proc::can_signal() {
            let why = "Linux 5.3 or later is needed: without pidfd a signal could reach the wrong process";
            return Err(EngineError::Refused(why.to_owned()));
        }
        settings.data_dir = path::absolute(&settings.data_dir).map_err(cannot("find the data directory"))?;
        durable::create_dir(&dirs::jobs(&settings.data_dir)).map_err(cannot("create the jobs' directory"))?;
        if matches!(shim::log_cap::supports_holes(&settings.data_dir), Ok(false)) {
            let dir = settings.data_dir.display();
            tracing::warn!("logs grow without a cap: the file system of {dir} cannot free a part of a file");
        }
        let wake = WakeFifo::open(&dirs::wake(&settings.data_dir)).map_err(cannot("open the FIFO `wake`"))?;
        let pids = settings.pids_per_worker.min(host::max_pids() / 2);
        let strongest_kill_method = settings.strongest_kill_method;
        let options = DetectOptions { limits: settings.limits, strongest_kill_method, pids };
        let tries_pids = strongest_kill_method <= KillMethod::PidNamespace;
        let refused = sandbox::probe_host(&settings.shim_program, &settings.shim_args, &settings.data_dir, tries_pids);
        let control = detect(&settings.data_dir, &options, refused.check(Means::Processes));
        cleanup::remove_orphaned(&control, &settings.data_dir);
        if settings.other_users {
            can_switch_users(&refused)?;
        }
        let inner = Inner {
            control,
            base_env: base_env::passed(&std::mem::take(&mut settings.base_env), &settings.pass_env),
            boot_id: proc::boot_id().map_err(cannot("read the boot id"))?,
            ports: Ports::new(settings.port_range.clone()),
            refused,
            starter: Starter::default(),
            settings,
        };
        Ok(Self { inner: Arc::new(inner), wake, gpus: OnceCell::new() })
    }

    /// Asks until some are found. After a failure, this host counts as one without GPUs until the next call.
    async fn find_gpus(&self) -> Vec<Gpu> {
        if let Some(known) = self.gpus.get() {
            return known.clone();
        }
        match gpu::find(&self.inner.settings.nvidia_smi).await {
            Ok(gpus) if gpus.is_empty() => gpus,
            // A concurrent call found the same GPUs.
            Ok(gpus) => self.gpus.get_or_init(async || gpus).await.clone(),
            Err(why) => {
                tracing::warn!("cannot list the GPUs of this host: {why}");
                Vec::new()
            }
        }
    }

    /// Runs work that blocks on files, locks and processes on a thread for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(EngineError::Unavailable(format!("the work did not finish: {error}"))))
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn describe(&self) -> Description {
        describe::describe(&self.inner.control, &self.inner.refused, self.inner.settings.other_users)
    }

    fn placing(&self) -> Placing {
        Placing::Server
    }

    async fn capacity(&self) -> Result<Resources, EngineError> {
        let declared = self.inner.settings.capacity.clone();
        let found = self.blocking(|_| Ok((host::cpu_milli(), host::memory_bytes()))).await?;
        let gpus = match declared.gpus {
            Some(gpus) => gpus,
            None => self.find_gpus().await,
        };
        Ok(Resources::Host(Capacity {
            cpu_milli: declared.cpu_milli.unwrap_or(found.0),
            memory_bytes: declared.memory_bytes.or(found.1).unwrap_or_default(),
            gpus,
        }))
    }

    fn judge(&self, spec: &JobSpec) -> Vec<Problem> {
        describe::judge(&self.inner.control, &self.inner.refused, spec)
    }

    async fn launch(&self, launch: &Launch) -> Result<Handle, EngineError> {
        let launch = launch.clone();
        self.blocking(move |inner| launch::launch(inner, launch)).await
    }

    async fn cancel(&self, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
        let job = job.clone();
        self.blocking(move |inner| stop::cancel(inner, &job, attempt)).await
    }

    async fn observe(&self, handles: &[Handle]) -> Vec<Result<Observed, EngineError>> {
        let (asked, host) = (handles.to_vec(), self.identity());
        let one = move |inner: &Inner, handle: &Handle| observe::one(inner, handle).map(|seen| on(&host, seen));
        let answers = self.blocking(move |inner| Ok(asked.iter().map(|handle| one(inner, handle)).collect::<Vec<_>>()));
        answers.await.unwrap_or_else(|error| handles.iter().map(|_| Err(error.clone())).collect())
    }

    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
        let handle = handle.clone();
        self.blocking(move |inner| stop::stop(inner, &handle, grace_seconds)).await
    }

    async fn wakeup(&self) -> Wakeup {
        self.wake.notification().await
    }

    fn logs(&self, job: &JobId, attempt: u32, rank: u32) -> Arc<dyn LogSource> {
        Arc::new(FileSource::new(self.inner.attempt(job, attempt).log(rank)))
    }

    async fn found(&self) -> Result<Vec<JobId>, EngineError> {
        self.blocking(jobs::found).await
    }

    async fn has_trace(&self, job: &JobId, attempt: u32, handle: Option<&Handle>) -> Result<bool, EngineError> {
        let dir = match handle {
            Some(handle) => local_handle(handle)?.dir,
            None => self.inner.attempt(job, attempt).0,
        };
        self.blocking(move |_| dir.try_exists().map_err(cannot("look for the attempt's directory"))).await
    }

    async fn abandon(&self, job: &JobId, grace_seconds: u32) -> Result<usize, EngineError> {
        let job = job.clone();
        self.blocking(move |inner| jobs::abandon(inner, &job, grace_seconds)).await
    }

    async fn forget(&self, job: &JobId) -> Result<(), EngineError> {
        let job = job.clone();
        self.blocking(move |inner| jobs::forget(inner, &job)).await
    }

    fn local(&self) -> Option<&dyn LocalHost> {
        Some(self)
    }
}

impl Drop for Inner {
    /// Removes the empty directories of control groups; a shim that needs one creates it again.
    fn drop(&mut self) {
        remove_empty(self.control.trees.iter().map(|tree| tree.dir.as_path()));
    }
}

impl Inner {
    fn attempt(&self, job: &JobId, attempt: u32) -> AttemptDir {
        AttemptDir(dirs::paths(&self.settings.data_dir, job, attempt).attempt_dir)
    }
}

/// Adds to the facts of an observation the host on which all workers of this engine run.
fn on(host: &WorkerHost, mut observed: Observed) -> Observed {
    if let Observed::Running { workers, .. } | Observed::Ended { workers, .. } | Observed::Lost { workers, .. } =
        &mut observed
    {
        workers.iter_mut().for_each(|worker| worker.host = Some(host.clone()));
    }
    observed
}

fn local_handle(handle: &Handle) -> Result<LocalHandle, EngineError> {
    serde_json::from_str(&handle.0)
        .map_err(|_| EngineError::Refused("this handle was not given by the local engine".to_owned()))
}

fn handle(dir: &AttemptDir, boot_id: String) -> Result<Handle, EngineError> {
    let place = LocalHandle { dir: dir.0.clone(), boot_id };
    serde_json::to_string(&place).map(Handle).map_err(|error| EngineError::Refused(error.to_string()))
}

/// Workers of another user need the sandbox: without it they cannot pass the data directory, which is closed to others.
fn can_switch_users(means: &Refused) -> Result<(), EngineError> {
    let refused = |why: String| Err(EngineError::Refused(format!("run_as: {why}")));
    if !rustix::process::geteuid().is_root() {
        return refused("only a server that runs as root can run jobs as another user".to_owned());
    }
    match means.check(Means::Mounts) {
        Ok(()) => Ok(()),
        Err(why) => refused(format!("needs the sandbox, which this host does not permit: {why}")),
    }
}

/// Turns an error of the system into [`EngineError::Unavailable`] that names the failed action.
fn cannot<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> EngineError {
    move |error| EngineError::Unavailable(format!("cannot {what}: {error}"))
}
