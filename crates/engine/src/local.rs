//! The processes of this host, each attempt behind a shim that outlives the server.
//!
//! Truth lies in files and locks, so this engine can be dropped and made again at any moment. It keeps only the process
//! that starts shims, which ends with it.

pub mod gpu;
pub mod host;
pub mod kill_method;
pub mod shim;

pub(crate) mod cgroup;
pub(crate) mod dirs;

mod base_env;
mod clock;
mod describe;
mod durable;
mod env_tag;
mod jobs;
mod launch;
mod listening;
mod lock;
mod mountinfo;
mod notify;
mod observe;
mod ports;
mod proc;
mod record;
mod sandbox;
mod settings;
mod signals;
mod starter;
mod starter_protocol;
mod stop;
#[cfg(test)]
mod tests;
mod wake;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{self, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, task::spawn_blocking};
use trainyard_domain::{
    capacity::{Capacity, Gpu},
    id::JobId,
};

pub use self::settings::{CapacityOverride, DEFAULT_LOG_CAP, DEFAULT_NVIDIA_SMI, Settings};
use self::{
    cgroup::{
        cleanup,
        detect::{DetectOptions, ProcessControl, detect, remove_empty},
    },
    dirs::AttemptDir,
    ports::Ports,
    sandbox::Account,
    starter::Starter,
    wake::WakeFifo,
};
use crate::{
    AttemptPaths, BusyGpu, Description, Engine, EngineError, Handle, Launch, LaunchMount, MountFault, Observed, Wakeup,
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
    /// What the host allows for killing and limiting.
    control: ProcessControl,
    /// Whether workers can be given a view of their own, or why not.
    isolation: Result<(), String>,
    /// As whom workers run; `None` is the server's own user.
    account: Option<Account>,
    /// Whose children the shims are.
    starter: Starter,
}

/// What a handle's text says.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq)]
struct LocalHandle {
    dir: PathBuf,
    boot_id: String,
}

impl LocalEngine {
    /// An engine on this data directory.
    pub fn new(mut settings: Settings) -> Result<Self, EngineError> {
        if !proc::can_signal() {
            let why = "Linux 5.3 or later is needed: this kernel has no pidfd, by which alone the right process is met";
            return Err(EngineError::Refused(why.to_owned()));
        }
        settings.data_dir = path::absolute(&settings.data_dir).map_err(cannot("find the data directory"))?;
        durable::create_dir(&dirs::jobs(&settings.data_dir)).map_err(cannot("make the jobs' directory"))?;
        if matches!(shim::log_cap::supports_holes(&settings.data_dir), Ok(false)) {
            let dir = settings.data_dir.display();
            tracing::warn!("logs grow without a cap: the file system of {dir} cannot free a part of a file");
        }
        let wake = WakeFifo::open(&dirs::wake(&settings.data_dir)).map_err(cannot("open the FIFO `wake`"))?;
        let pids = settings.pids_per_worker.min(host::max_pids() / 2);
        let strongest_kill_method = settings.strongest_kill_method;
        let options = DetectOptions { limits: settings.limits, strongest_kill_method, pids };
        let probe = |probe| sandbox::run_probe(probe, &settings.shim_program, &settings.shim_args, &settings.data_dir);
        let isolation = probe(sandbox::PROBE);
        let try_pids = || isolation.clone().and_then(|()| probe(sandbox::PIDS_PROBE));
        let control = detect(&settings.data_dir, &options, try_pids);
        cleanup::remove_orphaned(&control, &settings.data_dir);
        let account = settings.run_as.as_deref().map(|name| find_account(name, &settings.data_dir, &isolation));
        let account = account.transpose()?;
        let inner = Inner {
            control,
            base_env: base_env::of(&std::mem::take(&mut settings.base_env), &settings.pass_env, account.as_ref()),
            boot_id: proc::boot_id().map_err(cannot("read the boot id"))?,
            ports: Ports::new(settings.port_range.clone()),
            isolation,
            account,
            starter: Starter::default(),
            settings,
        };
        Ok(Self { inner: Arc::new(inner), wake, gpus: OnceCell::new() })
    }

    /// Asked until some are found. Where no answer came, this host has none for now.
    async fn find_gpus(&self) -> Vec<Gpu> {
        if let Some(known) = self.gpus.get() {
            return known.clone();
        }
        match gpu::find(&self.inner.settings.nvidia_smi).await {
            Ok(gpus) if gpus.is_empty() => gpus,
            // Who found them at the same time found the same.
            Ok(gpus) => self.gpus.get_or_init(async || gpus).await.clone(),
            Err(why) => {
                tracing::warn!("the accelerators of this host are not known: {why}");
                Vec::new()
            }
        }
    }

    /// Files, locks and processes block, so they are dealt with away from the server's own threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(EngineError::Unavailable(format!("the work was not finished: {error}"))))
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn describe(&self) -> Description {
        describe::describe(&self.inner.control, &self.inner.isolation, self.inner.account.as_ref())
    }

    async fn capacity(&self) -> Result<Capacity, EngineError> {
        let declared = self.inner.settings.capacity.clone();
        let found = self.blocking(|_| Ok((host::cpu_milli(), host::memory_bytes()))).await?;
        let gpus = match declared.gpus {
            Some(gpus) => gpus,
            None => self.find_gpus().await,
        };
        Ok(Capacity {
            cpu_milli: declared.cpu_milli.unwrap_or(found.0),
            memory_bytes: declared.memory_bytes.or(found.1).unwrap_or_default(),
            gpus,
        })
    }

    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError> {
        match gpu::busy(&self.inner.settings.nvidia_smi).await {
            Ok(busy) => Ok(busy),
            Err(why) => Err(EngineError::Unavailable(why)),
        }
    }

    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths {
        dirs::paths(&self.inner.settings.data_dir, job, attempt)
    }

    fn base_env(&self) -> Vec<(String, String)> {
        self.inner.base_env.clone()
    }

    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError> {
        let taken = taken.clone();
        self.blocking(move |inner| inner.ports.free(count, &taken)).await
    }

    async fn check_mounts(&self, mounts: &[LaunchMount]) -> Result<Vec<Result<(), MountFault>>, EngineError> {
        let mounts = mounts.to_vec();
        let check = move |inner: &Inner| {
            let data = std::fs::canonicalize(&inner.settings.data_dir).map_err(cannot("find the data directory"))?;
            Ok(mounts.iter().map(|mount| sandbox::check_mount(&data, mount)).collect())
        };
        self.blocking(check).await
    }

    async fn check_storage(&self, path: &path::Path) -> Result<Result<(), String>, EngineError> {
        let path = path.to_owned();
        self.blocking(move |inner| Ok(sandbox::check_storage(&inner.settings.data_dir, &path))).await
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
        let asked = handles.to_vec();
        let answers =
            self.blocking(move |inner| Ok(asked.iter().map(|handle| observe::one(inner, handle)).collect::<Vec<_>>()));
        answers.await.unwrap_or_else(|error| handles.iter().map(|_| Err(error.clone())).collect())
    }

    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
        let handle = handle.clone();
        self.blocking(move |inner| stop::stop(inner, &handle, grace_seconds)).await
    }

    async fn wakeup(&self) -> Wakeup {
        self.wake.notification().await
    }

    fn log_path(&self, job: &JobId, attempt: u32, rank: u32) -> PathBuf {
        AttemptDir(self.paths(job, attempt).attempt_dir).log(rank)
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

    async fn listening(&self, job: &JobId, attempt: u32, rank: u32) -> Result<Vec<SocketAddr>, EngineError> {
        let job = job.clone();
        self.blocking(move |inner| listening::listening(inner, &job, attempt, rank)).await
    }

    async fn forget(&self, job: &JobId) -> Result<(), EngineError> {
        let job = job.clone();
        self.blocking(move |inner| jobs::forget(inner, &job)).await
    }
}

impl Drop for Inner {
    /// The directories of groups go where nobody lives in them; a shim that needs one makes it again.
    fn drop(&mut self) {
        remove_empty(self.control.trees.iter().map(|tree| tree.dir.as_path()));
    }
}

impl Inner {
    fn attempt(&self, job: &JobId, attempt: u32) -> AttemptDir {
        AttemptDir(dirs::paths(&self.settings.data_dir, job, attempt).attempt_dir)
    }
}

fn local_handle(handle: &Handle) -> Result<LocalHandle, EngineError> {
    serde_json::from_str(&handle.0)
        .map_err(|_| EngineError::Refused("this handle was not given by the local engine".to_owned()))
}

fn handle(dir: &AttemptDir, boot_id: String) -> Result<Handle, EngineError> {
    let place = LocalHandle { dir: dir.0.clone(), boot_id };
    serde_json::to_string(&place).map(Handle).map_err(|error| EngineError::Refused(error.to_string()))
}

/// Workers of another user need a view of their own: they could not pass the data directory, which is closed to others.
fn find_account(name: &str, data: &path::Path, isolation: &Result<(), String>) -> Result<Account, EngineError> {
    let refused = |why: &str| EngineError::Refused(format!("run_as: {why}"));
    isolation.as_ref().map_err(|why| refused(&format!("jobs cannot be kept apart on this host: {why}")))?;
    Account::find(name, data).map_err(|why| refused(&why))
}

/// Turns what the system refused into something to try again, told with what was wanted.
fn cannot<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> EngineError {
    move |error| EngineError::Unavailable(format!("cannot {what}: {error}"))
}
