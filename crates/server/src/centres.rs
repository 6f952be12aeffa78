//! The compute centres of the configuration with their engines, and what is free in each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use trainyard_domain::{
    capacity::Capacity,
    id::{CentreId, JobId},
    job::{Job, Status},
    job_spec::{Centre, Limitation, Product, Storage},
    launch::Host,
    queue::{Allocation, Free, QuarantinedGpu},
};
pub use trainyard_engine::Description;
use trainyard_engine::{
    Engine, EngineError,
    local::{CapacityOverride, DEFAULT_NVIDIA_SMI, LocalEngine, Settings, kill_method::KillMethod},
};
use trainyard_store::Store;

use crate::{
    clock::Clock,
    config::{CentreConfig, Config, EngineKind, LimitsKind},
    failure::Failure,
    gpus::{Gpus, Numbered, number},
};

/// One centre.
#[derive(Clone)]
pub struct RunningCentre {
    /// Its part of the configuration.
    pub config: CentreConfig,
    /// What starts its jobs.
    pub engine: Arc<dyn Engine>,
    /// What a spec must know of it, but for the storages that were added.
    pub view: Centre,
    /// Those, as the store's rows say.
    added: Arc<RwLock<Vec<Storage>>>,
    /// Held while storages are added or removed.
    pub(crate) changing: Arc<tokio::sync::Mutex<()>>,
    /// Which of its accelerators are not clean.
    pub gpus: Arc<Gpus>,
}

/// All centres, by number.
#[derive(Clone, Default)]
pub struct Centres(BTreeMap<CentreId, RunningCentre>);

impl Centres {
    /// Starts the engine of every configured centre.
    ///
    /// # Errors
    /// Where an engine cannot say what it has.
    pub async fn start(config: &Config, shim_program: &Path, clock: &Clock) -> Result<Self, EngineError> {
        let mut all = Self::default();
        for centre in &config.centre {
            let settings = Settings {
                data_dir: config.data_dir.clone(),
                shim_program: shim_program.to_owned(),
                shim_args: vec!["shim".to_owned()],
                port_range: config.port_range.0..=config.port_range.1,
                pass_env: config.pass_env.clone(),
                log_cap: config.log_cap_mb.saturating_mul(1024 * 1024),
                nvidia_smi: centre.nvidia_smi.clone().unwrap_or_else(|| DEFAULT_NVIDIA_SMI.into()),
                capacity: CapacityOverride::default(),
                // Whatever is no text cannot be handed on in a launch record.
                base_env: std::env::vars_os()
                    .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                    .collect(),
                limits: centre.limits == LimitsKind::Auto,
                pids_per_worker: centre.pids_per_worker,
                strongest_kill_method: KillMethod::CgroupKill,
                run_as: centre.run_as.clone(),
            };
            let engine = LocalEngine::new(settings)?;
            check_storages(centre, &engine).await?;
            all.add(centre.clone(), Arc::new(engine), &config.aliases, clock).await?;
            let data_dir = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
            if let Some(running) = all.0.get_mut(&CentreId(centre.id)) {
                running.view.data_dir = Some(data_dir.to_string_lossy().into_owned());
                running.view.ports = Some(usize::from(config.port_range.1 - config.port_range.0) + 1);
            }
        }
        Ok(all)
    }

    /// Adds a centre with its engine.
    ///
    /// # Errors
    /// Where the engine cannot say what it has.
    pub async fn add(
        &mut self,
        config: CentreConfig,
        engine: Arc<dyn Engine>,
        aliases: &BTreeMap<String, Vec<String>>,
        clock: &Clock,
    ) -> Result<(), EngineError> {
        let found = engine.capacity().await?;
        let pairs = aliases.iter().flat_map(|(own, others)| others.iter().map(|other| (own.clone(), other.clone())));
        let mut view = Centre {
            id: CentreId(config.id),
            capacity: found.clone(),
            products: config.product.iter().map(crate::config::ProductConfig::to_product).collect(),
            aliases: pairs.collect(),
            limitations: engine.describe().cannot.into_iter().map(limitation).collect(),
            storages: config.storage.iter().filter_map(crate::config::StorageConfig::to_storage).collect(),
            data_dir: None,
            ports: None,
        };
        let numbered = numbered(&config, &view, &found);
        view.capacity = config.capacity.applied_to(found);
        if let Some(numbered) = &numbered {
            view.capacity.gpus.clone_from(&numbered.gpus);
        }
        let answer = if view.capacity.gpus.is_empty() { Ok(None) } else { engine.busy_gpus().await };
        match &answer {
            Err(why) => tracing::warn!("centre {}: no GPU is handed out until the host tells of them: {why}", view.id),
            Ok(None) if !view.capacity.gpus.is_empty() => {
                tracing::warn!("centre {}: nobody tells of its GPUs, so all are taken to be there and clean", view.id);
            }
            Ok(_) => {}
        }
        let gpus = Arc::new(Gpus::new(&view.capacity, numbered.as_ref(), answer, clock.steady()));
        self.0.insert(
            view.id,
            RunningCentre { config, engine, view, added: Arc::default(), changing: Arc::default(), gpus },
        );
        Ok(())
    }

    /// Takes in the storages that were added while earlier servers ran.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load_storages(&self, store: &Store) -> Result<(), Failure> {
        for row in store.storages().await? {
            if let Some(centre) = self.get(row.centre) {
                if let Err(why) = centre.engine.check_storage(Path::new(&row.storage.path)).await? {
                    tracing::warn!(storage = row.storage.id, "jobs that want to mount it are refused: it {why}");
                }
                centre.add_storage(row.storage);
            }
        }
        Ok(())
    }

    /// The centre of a number.
    pub fn get(&self, id: CentreId) -> Option<&RunningCentre> {
        self.0.get(&id)
    }

    /// What looks after the jobs of a centre. Those of a centre that has left the configuration run on this host, and
    /// every local engine finds them there: all share the data directory, and nothing of it is a centre's own.
    pub fn engine(&self, id: CentreId) -> Option<&Arc<dyn Engine>> {
        let local = || self.0.values().find(|centre| centre.config.engine == EngineKind::Local);
        self.get(id).or_else(local).map(|centre| &centre.engine)
    }

    /// Whether what runs in a centre counts in this one: also where that has left the configuration, for what it takes
    /// of the host is taken.
    pub fn counts(&self, at: CentreId, here: CentreId) -> bool {
        at == here || !self.0.contains_key(&at)
    }

    /// All, the lowest number first.
    pub fn iter(&self) -> impl Iterator<Item = &RunningCentre> {
        self.0.values()
    }

    /// What specs are judged against.
    pub fn views(&self) -> Vec<Centre> {
        let whole = |centre: &RunningCentre| Centre { storages: centre.storages(), ..centre.view.clone() };
        self.0.values().map(whole).collect()
    }
}

impl std::fmt::Debug for Centres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl RunningCentre {
    /// All that it has.
    pub fn capacity(&self) -> &Capacity {
        &self.view.capacity
    }

    /// What jobs can mount there; of two with one id that of the configuration counts.
    pub fn storages(&self) -> Vec<Storage> {
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let more = added.iter().filter(|storage| !self.is_configured(&storage.id));
        self.view.storages.iter().chain(more).cloned().collect()
    }

    /// Whether a storage stands in the configuration.
    pub fn is_configured(&self, id: &str) -> bool {
        self.view.storages.iter().any(|storage| storage.id == id)
    }

    pub(crate) fn add_storage(&self, storage: Storage) {
        self.added.write().unwrap_or_else(PoisonError::into_inner).push(storage);
    }

    pub(crate) fn remove_storage(&self, id: &str) {
        self.added.write().unwrap_or_else(PoisonError::into_inner).retain(|storage| storage.id != id);
    }

    /// What its engine is and what it cannot honour, for people.
    pub fn describe(&self) -> Description {
        self.engine.describe()
    }

    /// What its host says to the workers of an attempt.
    pub fn host(&self, job: &JobId, attempt: u32) -> Host {
        let paths = self.engine.paths(job, attempt);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut base_env = self.engine.base_env();
        base_env.push(("TMPDIR".to_owned(), text(&paths.tmp_dir)));
        if !base_env.iter().any(|(name, _)| name == "HOME") {
            base_env.push(("HOME".to_owned(), text(&paths.work_dir)));
        }
        Host {
            base_env,
            hostfile: text(&paths.hostfile),
            checkpoint_dir: text(&paths.checkpoint_dir),
            as_root: self.config.run_as.is_none() && rustix::process::geteuid().is_root(),
        }
    }

    /// What its live jobs leave, without the accelerators that are not clean.
    pub fn free(&self, live: &Allocations, clock: &Clock) -> Free {
        let mut allocations: Vec<Allocation> = live.of(self.view.id).cloned().collect();
        allocations.extend(self.not_clean(clock));
        Free::after(self.capacity(), &allocations)
    }

    /// The accelerators that its live jobs hold.
    pub fn held_gpus(&self, live: &Allocations) -> BTreeSet<u32> {
        live.of(self.view.id).flat_map(|allocation| allocation.gpus.iter().copied()).collect()
    }

    /// The accelerators that nobody gets because they are not clean, each with the reason.
    pub fn quarantined(&self, clock: &Clock) -> Vec<QuarantinedGpu> {
        let aside = self.gpus.quarantined(clock.steady()).into_iter();
        let quarantined = aside.filter_map(|one| {
            let gpu = self.capacity().gpus.iter().find(|gpu| gpu.index == one.index)?;
            Some(QuarantinedGpu { gpu: gpu.clone(), why: one.reason })
        });
        quarantined.collect()
    }

    /// The accelerators that nobody gets because they are not clean, as a allocation of them alone that ends nobody knows
    /// when; `None` where all are.
    pub fn not_clean(&self, clock: &Clock) -> Option<Allocation> {
        let gpus: Vec<u32> = self.gpus.quarantined(clock.steady()).into_iter().map(|one| one.index).collect();
        (!gpus.is_empty()).then(|| Allocation::of_gpus(gpus))
    }

    /// Asks the host which card is which, where it could not tell when the server started.
    pub(crate) async fn number_gpus(&self) {
        let Ok(found) = self.engine.capacity().await else { return };
        let host = Centre { capacity: found.clone(), ..self.view.clone() };
        if let Some(numbered) = numbered(&self.config, &host, &found) {
            self.gpus.learn_numbers(&self.view.capacity.gpus, numbered);
        }
    }

    /// How many workers of a product would fit now.
    pub fn remaining(&self, product: &Product, free: &Free) -> u64 {
        let size = &product.size;
        let of_model = |model: &str| {
            let model = self.view.own_model(model).unwrap_or(model);
            free.gpus.iter().filter(|gpu| trainyard_domain::capacity::same_model(&gpu.model, model)).count() as u64
        };
        let gpus = size.gpu_model.as_deref().map_or(free.gpus.len() as u64, of_model);
        let by_cores = free.cpu_milli / size.cpu_milli.max(1);
        let by_memory = free.memory_bytes / size.memory_bytes.max(1);
        let by_gpus = gpus.checked_div(u64::from(size.gpus)).unwrap_or(u64::MAX);
        by_cores.min(by_memory).min(by_gpus)
    }
}

/// The accelerators with the host's numbers, `host` being the centre as it is found; `None` where the host names none.
fn numbered(config: &CentreConfig, host: &Centre, found: &Capacity) -> Option<Numbered> {
    if found.gpus.is_empty() {
        return None;
    }
    if config.capacity.gpus.is_none() {
        return Some(Numbered { gpus: found.gpus.clone(), ..Numbered::default() });
    }
    let declared = config.capacity.applied_to(Capacity::default()).gpus;
    let numbered = number(&declared, &found.gpus, |model| host.own_model(model).map(str::to_owned));
    for guess in &numbered.guesses {
        tracing::warn!("centre {}: {guess}; `aliases` in the configuration says which model is meant", config.id);
    }
    for (index, why) in &numbered.absent {
        tracing::warn!("centre {}: nobody gets GPU {index}: {why}", config.id);
    }
    Some(numbered)
}

/// The states of a job with an attempt on its way.
const LIVE: [Status; 3] = [Status::Starting, Status::Running, Status::Stopping];

/// Every job with an attempt on its way, in any centre.
///
/// # Errors
/// Those of the store.
pub async fn live_jobs(store: &Store) -> Result<Vec<Job>, Failure> {
    Ok(store.jobs_in(&LIVE).await?)
}

/// What every attempt on its way holds, in any centre.
#[derive(Debug)]
pub struct Allocations(Vec<(Option<CentreId>, Allocation)>);

impl Allocations {
    /// Reads it; of ten thousand jobs no more than that.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read(store: &Store, centres: &Centres) -> Result<Self, Failure> {
        let held = store.allocations_in(&LIVE).await?.into_iter();
        // Without a centre where that has left the configuration.
        Ok(Self(held.map(|held| (centres.get(held.centre).map(|_| held.centre), held.allocation)).collect()))
    }

    /// What counts in a centre: see [`Centres::counts`].
    fn of(&self, centre: CentreId) -> impl Iterator<Item = &Allocation> {
        self.0.iter().filter(move |(its, _)| its.is_none_or(|its| its == centre)).map(|(_, allocation)| allocation)
    }
}

/// Says which centres have left the configuration while jobs still run in them.
///
/// # Errors
/// Those of the store.
pub async fn tell_of_gone(store: &Store, centres: &Centres) -> Result<(), Failure> {
    let mut jobs: BTreeMap<CentreId, usize> = BTreeMap::new();
    let held = store.allocations_in(&LIVE).await?.into_iter();
    for centre in held.map(|held| held.centre).filter(|centre| centres.get(*centre).is_none()) {
        *jobs.entry(centre).or_default() += 1;
    }
    for (centre, live) in jobs {
        tracing::warn!(
            "centre {centre} is not in the configuration; jobs that run there and are looked after to their end: {live}"
        );
    }
    Ok(())
}

/// A storage of the configuration that would show jobs what they must not see; one that is not there yet may come.
async fn check_storages(centre: &CentreConfig, engine: &LocalEngine) -> Result<(), EngineError> {
    for storage in centre.storage.iter().filter(|storage| storage.path.is_dir()) {
        if let Err(why) = engine.check_storage(&storage.path).await? {
            let (centre, id) = (centre.id, &storage.id);
            return Err(EngineError::Refused(format!("centre {centre}: the storage {id:?} {why}")));
        }
    }
    Ok(())
}

/// An engine's limitation as the spec judges it.
fn limitation(limit: trainyard_engine::Limitation) -> Limitation {
    Limitation { refuses: limit.refuses, path: limit.field_path, message: limit.message }
}
