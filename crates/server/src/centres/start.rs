//! Starting the engines of the configuration.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, RwLock},
};

use trainyard_domain::{
    capacity::Capacity,
    id::CentreId,
    job_spec::{Centre, Judge},
};
use trainyard_engine::{
    Engine, EngineError, LocalHost, Placing, WorkerUser,
    local::{CapacityOverride, DEFAULT_NVIDIA_SMI, LocalEngine, Settings, kill_method::KillMethod},
};
use trainyard_store::{Storages, Store};

use super::{Centres, RemovedCentre, RunningCentre, capacity::CentreFacts, reach::Reachability, record::EngineRecord};
use crate::{
    clock::Clock,
    config::{CentreConfig, Config, EngineKind, LimitsKind, ProductConfig, RunAs, StorageConfig},
    failure::Failure,
};

impl Centres {
    /// Starts the engine of every configured centre, and those of removed centres that still have jobs.
    ///
    /// Errors: where an engine cannot start or refuses a storage, and where a centre has changed its engine under its jobs.
    pub async fn start(config: &Config, store: &Store, shim_program: &Path, clock: &Clock) -> Result<Self, Failure> {
        let records: BTreeMap<CentreId, EngineRecord> = EngineRecord::load(store).await?.into_iter().collect();
        let mut all = Self::default();
        for centre in &config.centre {
            let (id, record) = (CentreId(centre.id), EngineRecord::of(centre));
            if let Some(before) = records.get(&id).filter(|before| before.engine != record.engine) {
                refuse_engine_change(store, id, before.engine, record.engine).await?;
            }
            let engine = build(&record, config, centre, shim_program)?;
            if let Some(host) = engine.local() {
                check_storages(centre, host).await?;
                check_run_as(centre, host).await?;
            }
            all.add(centre.clone(), engine, &config.aliases, clock).await?;
            record.save(store, id).await?;
        }
        let mut removed = store.centres_with_files().await?;
        removed.retain(|id| all.get(*id).is_none());
        for id in removed {
            let Some(record) = records.get(&id) else {
                tracing::error!(
                    "centre {id} is missing in the configuration, and no record says which engine ran its jobs"
                );
                continue;
            };
            // The settings of the removed centre are unknown; only launches need them.
            match build(record, config, &CentreConfig::this_machine(), shim_program) {
                Ok(engine) => {
                    let reach = Arc::new(Reachability::new(id));
                    all.removed.insert(id, RemovedCentre { engine, reach });
                }
                Err(error) => {
                    tracing::error!("centre {id}: its engine cannot start, so its jobs are not managed: {error}")
                }
            }
        }
        Ok(all)
    }

    /// Adds a centre with its engine.
    ///
    /// Errors: the engine cannot report its resources. An engine that is only unreachable is added with unknown resources,
    /// and its runner asks it again.
    pub async fn add(
        &mut self,
        config: CentreConfig,
        engine: Arc<dyn Engine>,
        aliases: &BTreeMap<String, Vec<String>>,
        clock: &Clock,
    ) -> Result<(), EngineError> {
        let (judge, host) = (Arc::clone(&engine), engine.local());
        let pairs = aliases.iter().flat_map(|(own, others)| others.iter().map(|other| (own.clone(), other.clone())));
        let view = Centre {
            id: CentreId(config.id),
            capacity: config.capacity.applied_to(Capacity::default()),
            is_allocated_here: engine.placing() == Placing::Server,
            products: config.product.iter().map(ProductConfig::to_product).collect(),
            aliases: pairs.collect(),
            judge: Judge::new(move |spec| judge.judge(spec)),
            can_mount: engine.describe().can_mount,
            storages: config.storage.iter().filter_map(StorageConfig::to_storage).collect(),
            data_dir: host.map(|host| host.data_dir().to_string_lossy().into_owned()),
            ports: host.map(LocalHost::port_count),
        };
        let centre = RunningCentre {
            reach: Arc::new(Reachability::new(view.id)),
            config,
            engine,
            known: Arc::new(RwLock::new(CentreFacts::before_an_answer(view))),
            added: Arc::default(),
            changing: Arc::default(),
            gpus: Arc::default(),
        };
        match centre.ask_capacity(clock).await {
            Ok(()) | Err(EngineError::Unreachable(_)) => {}
            Err(error) => return Err(error),
        }
        self.configured.insert(centre.id(), centre);
        Ok(())
    }

    /// Loads the storages that were added through the API.
    ///
    /// Errors: those of the store.
    pub async fn load_storages(&mut self, store: &Store) -> Result<(), Failure> {
        let Storages { rows, unreadable } = store.storages().await?;
        self.unreadable_storages = unreadable;
        for row in rows {
            let Some(centre) = self.get(row.centre) else { continue };
            if let Some(host) = centre.engine.local()
                && let Err(why) = host.check_storage(Path::new(&row.storage.path)).await?
            {
                tracing::warn!(
                    storage = row.storage.id,
                    "the path of this storage {why}; jobs that mount it are refused"
                );
            }
            centre.add_storage(row.storage);
        }
        Ok(())
    }
}

/// A centre may change its engine only while none of its jobs needs the engine that it had.
async fn refuse_engine_change(
    store: &Store,
    centre: CentreId,
    before: EngineKind,
    now: EngineKind,
) -> Result<(), Failure> {
    let jobs = store.unended_jobs(centre).await?;
    if jobs == 0 {
        return Ok(());
    }
    let (before, now) = (before.as_str(), now.as_str());
    let verbs = if jobs == 1 { ("has", "needs") } else { ("have", "need") };
    Err(EngineError::Refused(format!(
        "centre {centre}: engine = \"{now}\", but {jobs} of its jobs {} not ended and {} engine \"{before}\"; give the new \
         engine a centre with another id",
        verbs.0, verbs.1
    ))
    .into())
}

/// Builds the engine of a record.
fn build(
    record: &EngineRecord,
    config: &Config,
    centre: &CentreConfig,
    shim_program: &Path,
) -> Result<Arc<dyn Engine>, EngineError> {
    match record.engine {
        EngineKind::Local => Ok(Arc::new(LocalEngine::new(local_settings(config, centre, shim_program))?)),
        kind @ (EngineKind::Slurm | EngineKind::Kubernetes) => {
            Err(EngineError::Refused(format!("this version has no engine {:?}", kind.as_str())))
        }
    }
}

fn local_settings(config: &Config, centre: &CentreConfig, shim_program: &Path) -> Settings {
    Settings {
        data_dir: config.data_dir.clone(),
        shim_program: shim_program.to_owned(),
        shim_args: vec!["shim".to_owned()],
        port_range: config.port_range.0..=config.port_range.1,
        pass_env: config.pass_env.clone(),
        log_cap: config.log_cap_mb.saturating_mul(1024 * 1024),
        nvidia_smi: centre.nvidia_smi.clone().unwrap_or_else(|| DEFAULT_NVIDIA_SMI.into()),
        capacity: CapacityOverride::default(),
        // A launch record cannot contain a variable that is not UTF-8.
        base_env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        limits: centre.limits == LimitsKind::Auto,
        pids_per_worker: centre.pids_per_worker,
        strongest_kill_method: KillMethod::CgroupKill,
        other_users: centre.run_as.needs_other_users(),
    }
}

/// Refuses a user that jobs cannot run as.
async fn check_run_as(centre: &CentreConfig, host: &dyn LocalHost) -> Result<(), EngineError> {
    let refused = |why: String| Err(EngineError::Refused(format!("centre {}: run_as: {why}", centre.id)));
    match &centre.run_as {
        RunAs::Root if !host.runs_as_root(&WorkerUser::Server) => {
            refused("\"root\" needs a server that runs as root".to_owned())
        }
        RunAs::Account(name) => match host.find_user(&WorkerUser::Account(name.clone())).await? {
            Ok(_) => Ok(()),
            Err(why) => refused(why),
        },
        _ => Ok(()),
    }
}

/// Refuses a configured storage that would show jobs what they must not see. A directory that is missing may come later.
async fn check_storages(centre: &CentreConfig, host: &dyn LocalHost) -> Result<(), EngineError> {
    for storage in centre.storage.iter().filter(|storage| storage.path.is_dir()) {
        if let Err(why) = host.check_storage(&storage.path).await? {
            let (centre, id) = (centre.id, &storage.id);
            return Err(EngineError::Refused(format!("centre {centre}: the storage {id:?} {why}")));
        }
    }
    Ok(())
}
