//! One compute centre of the configuration: its engine, what it has, what it sells.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;
use trainyard_domain::{
    capacity::{Capacity, GB, Gpu, WorkerSize},
    job_spec::{Product, Storage, StorageType},
    storage::parse_storage_path,
};

/// A `[[centre]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreConfig {
    /// The `aidcId` of templates and jobs; 1 or more.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What starts jobs there.
    #[serde(default)]
    pub engine: EngineKind,
    /// What a worker is.
    #[serde(default)]
    pub runtime: Runtime,
    /// What it has; the parts left out are found by itself.
    #[serde(default)]
    pub capacity: CapacityConfig,
    /// How long a job without a time limit is taken to run when the queue plans ahead; without it, for ever.
    pub assumed_hours: Option<f64>,
    /// The user of the host as whom jobs run; without it they run as the server's own. Needs root.
    pub run_as: Option<String>,
    /// The program that tells of accelerators; by default `nvidia-smi`, looked for in `PATH`.
    pub nvidia_smi: Option<PathBuf>,
    /// Volumes that jobs may mount.
    #[serde(default)]
    pub storage: Vec<StorageConfig>,
    /// Bundles that it offers.
    #[serde(default)]
    pub product: Vec<ProductConfig>,
    /// Whether workers are held to what they asked for.
    #[serde(default)]
    pub limits: LimitsKind,
    /// How many processes and threads a worker may have, where workers are held to limits.
    #[serde(default = "pids_per_worker")]
    pub pids_per_worker: u32,
}

/// Whether workers are held to what they asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitsKind {
    /// Where the host can do it.
    #[default]
    Auto,
    /// Never; they are still found and killed by their control groups.
    Off,
}

/// Enough for any training, and far fewer than a host has.
const fn pids_per_worker() -> u32 {
    32_768
}

/// Below it a shell with a few children has no room.
const MIN_PIDS_PER_WORKER: u32 = 16;

/// What starts jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// This host.
    #[default]
    Local,
    /// A Slurm cluster.
    Slurm,
    /// A Kubernetes cluster.
    Kubernetes,
}

/// What a worker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Processes of the host.
    #[default]
    Process,
    /// A container.
    Container,
}

/// The parts of a capacity; `None` is found by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityConfig {
    /// Cores; decimals allowed.
    pub cpu_cores: Option<f64>,
    /// GB of 2^30 bytes.
    pub memory_gb: Option<f64>,
    /// GPUs by model.
    pub gpus: Option<Vec<GpuConfig>>,
}

/// GPUs of one model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuConfig {
    /// The model.
    pub name: String,
    /// How many.
    pub count: u32,
}

/// A volume.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// The `storageId` of a mount.
    pub id: String,
    /// `nas-capacity` or `nas-performance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether jobs may only read it.
    #[serde(default)]
    pub read_only: bool,
    /// What people call it.
    pub name: Option<String>,
}

/// A bundle for one worker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductConfig {
    /// The `productCode` of a spec.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Cores.
    pub cpu_cores: f64,
    /// GB of 2^30 bytes.
    pub memory_gb: f64,
    /// The GPU model.
    pub gpu_name: Option<String>,
    /// GPUs.
    #[serde(default)]
    pub gpu_count: u32,
    /// The price, as people write it.
    pub price: Option<String>,
    /// What the price is for.
    pub price_unit: Option<String>,
    /// Disk in GB, for display.
    #[serde(default)]
    pub disk_gb: f64,
}

impl CentreConfig {
    /// The default: this host as number 1.
    pub fn this_machine() -> Self {
        Self {
            id: 1,
            name: "this machine".to_owned(),
            engine: EngineKind::Local,
            runtime: Runtime::Process,
            capacity: CapacityConfig::default(),
            assumed_hours: None,
            run_as: None,
            nvidia_smi: None,
            storage: Vec::new(),
            product: Vec::new(),
            limits: LimitsKind::Auto,
            pids_per_worker: pids_per_worker(),
        }
    }

    /// `assumed_hours` in milliseconds.
    pub fn assumed_ms(&self) -> Option<i64> {
        self.assumed_hours.map(super::hours_ms)
    }

    pub(super) fn check(&self, data_dir: &str) -> Result<(), String> {
        if self.id < 1 {
            return Err("id must be 1 or more".to_owned());
        }
        if self.engine != EngineKind::Local || self.runtime != Runtime::Process {
            return Err("this version runs jobs with engine \"local\" and runtime \"process\" only".to_owned());
        }
        if self.pids_per_worker < MIN_PIDS_PER_WORKER {
            return Err(format!("pids_per_worker must be {MIN_PIDS_PER_WORKER} or more"));
        }
        self.capacity.check().map_err(|message| format!("capacity: {message}"))?;
        if self.assumed_hours.is_some_and(|hours| !super::is_hours(hours)) {
            return Err("assumed_hours must be more than 0 and at most 87,600".to_owned());
        }
        let mut codes = BTreeSet::new();
        for product in &self.product {
            let code = &product.code;
            product.check().map_err(|message| format!("product {code:?}: {message}"))?;
            if !codes.insert(code) {
                return Err(format!("two products have the code {code:?}"));
            }
        }
        let mut ids = BTreeSet::new();
        for storage in &self.storage {
            let id = &storage.id;
            storage.check(data_dir).map_err(|message| format!("storage {id:?}: {message}"))?;
            if !ids.insert(id) {
                return Err(format!("two storages have the id {id:?}"));
            }
        }
        Ok(())
    }
}

/// The most of each that anybody has; beyond it a slip of the keyboard is likelier.
const MAX_CPU_CORES: f64 = 1_000_000.0;
const MAX_GB: f64 = 1_000_000_000.0;
const MAX_GPUS: u32 = 10_000;

fn check_amounts(cpu_cores: f64, memory_gb: f64, gpus: u32) -> Result<(), &'static str> {
    if !(0.001..=MAX_CPU_CORES).contains(&cpu_cores) {
        Err("cpu_cores must be from 0.001 to 1,000,000")
    } else if !(0.001..=MAX_GB).contains(&memory_gb) {
        Err("memory_gb must be from 0.001 to 1,000,000,000")
    } else if gpus > MAX_GPUS {
        Err("there must be at most 10,000 GPUs")
    } else {
        Ok(())
    }
}

impl CapacityConfig {
    fn check(&self) -> Result<(), &'static str> {
        let models = self.gpus.as_deref().unwrap_or_default();
        if models.iter().any(|gpu| gpu.name.trim().is_empty()) {
            return Err("each entry of gpus must have a name");
        }
        let gpus = models.iter().fold(0_u32, |sum, gpu| sum.saturating_add(gpu.count));
        check_amounts(self.cpu_cores.unwrap_or(1.0), self.memory_gb.unwrap_or(1.0), gpus)
    }

    /// What is set, over what was found.
    pub fn applied_to(&self, found: Capacity) -> Capacity {
        Capacity {
            cpu_milli: self.cpu_cores.map_or(found.cpu_milli, thousandths),
            memory_bytes: self.memory_gb.map_or(found.memory_bytes, bytes),
            gpus: self.gpus.as_deref().map_or(found.gpus, numbered),
        }
    }
}

impl StorageConfig {
    fn check(&self, data_dir: &str) -> Result<(), String> {
        if self.id.is_empty() {
            Err("id must not be empty".to_owned())
        } else if StorageType::parse(&self.kind).is_none() {
            Err("type must be nas-capacity or nas-performance".to_owned())
        } else {
            let path = self.path.to_str().ok_or("path must be UTF-8 text")?;
            parse_storage_path(path, data_dir).map(drop).map_err(|why| format!("path {why}"))
        }
    }
}

impl StorageConfig {
    /// As the domain knows it.
    pub fn to_storage(&self) -> Option<Storage> {
        Some(Storage {
            id: self.id.clone(),
            name: self.name.clone(),
            kind: StorageType::parse(&self.kind)?,
            path: self.path.to_string_lossy().into_owned(),
            read_only: self.read_only,
        })
    }
}

impl ProductConfig {
    fn check(&self) -> Result<(), &'static str> {
        if self.code.is_empty() {
            Err("code must not be empty")
        } else if !(0.0..=MAX_GB).contains(&self.disk_gb) {
            Err("disk_gb must be 0 or more")
        } else {
            check_amounts(self.cpu_cores, self.memory_gb, self.gpu_count)
        }
    }

    /// As the domain knows it.
    pub fn to_product(&self) -> Product {
        let size = WorkerSize {
            cpu_milli: thousandths(self.cpu_cores),
            memory_bytes: bytes(self.memory_gb),
            gpus: self.gpu_count,
            gpu_model: self.gpu_name.clone(),
        };
        Product { code: self.code.clone(), name: self.name.clone(), size, price: self.price.clone() }
    }
}

/// Declared GPUs as the host would number them.
fn numbered(gpus: &[GpuConfig]) -> Vec<Gpu> {
    let models = gpus.iter().flat_map(|gpu| std::iter::repeat_n(&gpu.name, gpu.count as usize));
    (0..).zip(models).map(|(index, model)| Gpu { index, model: model.clone() }).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and finite")]
fn thousandths(number: f64) -> u64 {
    (number * 1000.0).round() as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and finite")]
fn bytes(gb: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "2^30 is exact")]
    let bytes = gb * GB as f64;
    bytes.round() as u64
}
