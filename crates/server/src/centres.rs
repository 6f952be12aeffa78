//! The compute centres of the configuration with their engines, and what is free in each.

mod allocations;
mod capacity;
mod reach;
mod record;
mod start;
mod worker_user;

pub(crate) use self::worker_user::HOW_TO_SAY;
pub use self::{
    allocations::{Allocations, log_missing},
    reach::Reachability,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use trainyard_domain::{
    capacity::same_model,
    id::{CentreId, JobId},
    job_spec::{Centre, Product, Storage},
    launch::Host,
    queue::{Allocation, Free, QuarantinedGpu},
};
pub use trainyard_engine::Description;
use trainyard_engine::{Engine, EngineError, LocalHost, WorkerUser};
use trainyard_store::UnreadableStorage;

use self::capacity::CentreFacts;
use crate::{
    blocked_folders::{BlockedFolder, BlockedFolders},
    clock::Clock,
    config::CentreConfig,
    gpus::Gpus,
};

/// A configured centre with its engine.
#[derive(Clone)]
pub struct RunningCentre {
    /// Its part of the configuration.
    pub config: CentreConfig,
    /// The engine that runs its jobs.
    pub engine: Arc<dyn Engine>,
    /// Whether that engine can be reached.
    pub reach: Arc<Reachability>,
    /// The centre as specs are judged against it, and its resources, as far as the engine has reported them.
    known: Arc<RwLock<CentreFacts>>,
    /// The storages that were added through the API; the store has a row for each of them.
    added: Arc<RwLock<Vec<Storage>>>,
    /// Locked while storages are added or removed.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    /// The GPUs of the centre that are not clean.
    pub gpus: Arc<Gpus>,
}

/// All centres by their id.
#[derive(Clone, Default)]
pub struct Centres {
    /// The centres of the configuration.
    configured: BTreeMap<CentreId, RunningCentre>,
    /// The engines of centres that have left the configuration and still have jobs.
    removed: BTreeMap<CentreId, RemovedCentre>,
    /// The directories of storages whose rows cannot be read.
    unreadable_storages: Vec<UnreadableStorage>,
}

/// The engine of a centre that has left the configuration.
#[derive(Clone)]
struct RemovedCentre {
    engine: Arc<dyn Engine>,
    reach: Arc<Reachability>,
}

impl Centres {
    /// The configured centre with this id.
    pub fn get(&self, id: CentreId) -> Option<&RunningCentre> {
        self.configured.get(&id)
    }

    /// The engine that manages the jobs of a centre, also after the centre has left the configuration. `None` if no
    /// record names the engine: then the server changes nothing about the jobs.
    pub fn engine(&self, id: CentreId) -> Option<&Arc<dyn Engine>> {
        self.get(id).map(|centre| &centre.engine).or_else(|| self.removed.get(&id).map(|removed| &removed.engine))
    }

    /// Whether the engine that manages the jobs of a centre can be reached.
    pub fn reach(&self, id: CentreId) -> Option<&Reachability> {
        let reach = self.get(id).map(|centre| &centre.reach);
        reach.or_else(|| self.removed.get(&id).map(|removed| &removed.reach)).map(Arc::as_ref)
    }

    /// The ids of all centres with an engine, those of removed centres too.
    pub fn ids(&self) -> impl Iterator<Item = CentreId> {
        self.configured.keys().chain(self.removed.keys()).copied()
    }

    /// All engines, those of removed centres too.
    pub fn engines(&self) -> impl Iterator<Item = &Arc<dyn Engine>> {
        self.iter().map(|centre| &centre.engine).chain(self.removed.values().map(|removed| &removed.engine))
    }

    /// Whether no job of this host can reach the files in the data directory.
    pub fn keep_jobs_apart(&self) -> bool {
        self.engines().filter_map(|engine| engine.local()).all(LocalHost::hides_data_dir)
    }

    /// Whether the resources that jobs of the centre `at` hold count as allocated in the centre `here`. The resources
    /// of the server's host that jobs of a removed or an unknown centre hold count in every centre of that host.
    pub fn counts(&self, at: Option<CentreId>, here: CentreId) -> bool {
        let is_here = || self.get(here).is_some_and(|centre| centre.engine.local().is_some());
        at == Some(here) || (at.is_none_or(|at| self.was_here(at)) && is_here())
    }

    /// Whether a centre has left the configuration and its jobs run on the server's host, as far as the server knows.
    fn was_here(&self, id: CentreId) -> bool {
        self.get(id).is_none() && self.removed.get(&id).is_none_or(|removed| removed.engine.local().is_some())
    }

    /// All configured centres in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &RunningCentre> {
        self.configured.values()
    }

    /// The directories of storages whose rows cannot be read: no job mounts them by their id, and none may see them.
    pub(crate) fn unreadable_storages(&self) -> &[UnreadableStorage] {
        &self.unreadable_storages
    }

    /// All configured centres as specs are judged against them.
    pub fn views(&self) -> Vec<Centre> {
        let whole = |centre: &RunningCentre| Centre { storages: centre.storages(), ..Centre::clone(&centre.view()) };
        self.iter().map(whole).collect()
    }
}

impl std::fmt::Debug for Centres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.configured.keys()).finish()
    }
}

impl RunningCentre {
    /// The id of the centre.
    pub fn id(&self) -> CentreId {
        CentreId(self.config.id)
    }

    /// The storages that jobs can mount there. Where the configuration and the API have one id, the configuration's counts.
    pub fn storages(&self) -> Vec<Storage> {
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let more = added.iter().filter(|storage| !self.is_configured(&storage.id));
        let view = self.view();
        view.storages.iter().chain(more).cloned().collect()
    }

    /// Whether the storage with this id is in the configuration.
    pub fn is_configured(&self, id: &str) -> bool {
        self.view().storages.iter().any(|storage| storage.id == id)
    }

    pub(crate) fn add_storage(&self, storage: Storage) {
        self.added.write().unwrap_or_else(PoisonError::into_inner).push(storage);
    }

    pub(crate) fn remove_storage(&self, id: &str) {
        self.added.write().unwrap_or_else(PoisonError::into_inner).retain(|storage| storage.id != id);
    }

    /// The centre's engine and what it cannot honour, for users.
    pub fn describe(&self) -> Description {
        self.engine.describe()
    }

    /// The folders of deleted jobs that could not be deleted from the host of the centre.
    pub fn blocked_folders(&self, all: &BlockedFolders) -> Vec<BlockedFolder> {
        self.engine.local().map_or_else(Vec::new, |host| all.in_dir(host.data_dir()))
    }

    /// The free resources: the capacity without allocations and without GPUs that are not clean.
    pub fn free(&self, live: &Allocations, clock: &Clock) -> Free {
        let mut allocations: Vec<Allocation> = live.of(self).collect();
        allocations.extend(self.not_clean(clock));
        Free::after(&self.view().capacity, &allocations)
    }

    /// The GPUs that live jobs of the centre hold.
    pub fn held_gpus(&self, live: &Allocations) -> BTreeSet<u32> {
        live.of(self).flat_map(|allocation| allocation.gpus).collect()
    }

    /// The GPUs that no job gets because they are not clean, each with the reason.
    pub fn quarantined(&self, clock: &Clock) -> Vec<QuarantinedGpu> {
        let view = self.view();
        let quarantined = self.gpus.quarantined(clock.steady()).into_iter().filter_map(|one| {
            let gpu = view.capacity.gpus.iter().find(|gpu| gpu.index == one.index)?;
            Some(QuarantinedGpu { gpu: gpu.clone(), why: one.reason })
        });
        quarantined.collect()
    }

    /// The GPUs that are not clean, as an allocation of them alone with an unknown end; `None` where all are clean.
    pub fn not_clean(&self, clock: &Clock) -> Option<Allocation> {
        let gpus: Vec<u32> = self.gpus.quarantined(clock.steady()).into_iter().map(|one| one.index).collect();
        (!gpus.is_empty()).then(|| Allocation::of_gpus(gpus))
    }

    /// How many workers of a product fit now.
    pub fn remaining(&self, product: &Product, free: &Free) -> u64 {
        let (size, view) = (&product.size, self.view());
        let of_model = |model: &str| {
            let model = view.own_model(model).unwrap_or(model);
            free.gpus.iter().filter(|gpu| same_model(&gpu.model, model)).count() as u64
        };
        let gpus = size.gpu_model.as_deref().map_or(free.gpus.len() as u64, of_model);
        let by_cores = free.cpu_milli / size.cpu_milli.max(1);
        let by_memory = free.memory_bytes / size.memory_bytes.max(1);
        let by_gpus = gpus.checked_div(u64::from(size.gpus)).unwrap_or(u64::MAX);
        by_cores.min(by_memory).min(by_gpus)
    }
}

/// The facts about the server's host that the workers of an attempt need.
///
/// Errors: those of the engine, such as a user that the host does not have any more.
pub(crate) async fn launch_host(
    host: &dyn LocalHost,
    job: &JobId,
    attempt: u32,
    user: &WorkerUser,
) -> Result<Host, EngineError> {
    let paths = host.paths(job, attempt);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut base_env = host.base_env(user).await?;
    base_env.push(("TMPDIR".to_owned(), text(&paths.tmp_dir)));
    if !base_env.iter().any(|(name, _)| name == "HOME") {
        base_env.push(("HOME".to_owned(), text(&paths.work_dir)));
    }
    Ok(Host {
        base_env,
        hostfile: text(&paths.hostfile),
        checkpoint_dir: text(&paths.checkpoint_dir),
        as_root: host.runs_as_root(user),
    })
}
