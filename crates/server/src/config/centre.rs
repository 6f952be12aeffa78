//! One compute centre of the configuration: its engine, capacity, storages and products.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;
use trainyard_domain::{
    capacity::{Capacity, GB, Gpu, WorkerSize},
    choice,
    job_spec::{Product, Storage, StorageType},
    storage::parse_storage_path,
    time::Span,
};

use super::run_as::RunAs;

/// A `[[centre]]` table of the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreConfig {
    /// The `aidcId` of templates and jobs; 1 or more.
    pub id: i64,
    /// The name that people see.
    pub name: String,
    /// The engine that starts jobs in the centre.
    #[serde(default)]
    pub engine: EngineKind,
    /// Whether a worker is a process or a container.
    #[serde(default)]
    pub runtime: Runtime,
    /// The declared capacity; the engine detects each part that is left out.
    #[serde(default)]
    pub capacity: CapacityConfig,
    /// Hours that the plan of the queue assumes for a job without a time limit; if left out, the plan assumes no end.
    pub assumed_hours: Option<f64>,
    /// The user of the host that jobs run as.
    #[serde(default)]
    pub run_as: RunAs,
    /// With `run_as = "submitter"`: the accounts of Trainyard users whose account has another name.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
    /// The program that lists GPUs; by default `nvidia-smi` in `PATH`.
    pub nvidia_smi: Option<PathBuf>,
    /// The directories that jobs may mount.
    #[serde(default)]
    pub storage: Vec<StorageConfig>,
    /// The products: named worker sizes that a spec can choose by code.
    #[serde(default)]
    pub product: Vec<ProductConfig>,
    /// Whether the engine limits workers to the resources that they asked for.
    #[serde(default)]
    pub limits: LimitsKind,
    /// The maximum number of processes and threads of one worker, if limits are enforced.
    #[serde(default = "pids_per_worker")]
    pub pids_per_worker: u32,
}

/// Whether the engine limits workers to the resources that they asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitsKind {
    /// If the host can enforce limits.
    #[default]
    Auto,
    /// Never; control groups still find and kill the processes of a worker.
    Off,
}

/// The default of `pids_per_worker`: enough for any training, far fewer than a host allows.
const fn pids_per_worker() -> u32 {
    32_768
}

/// With fewer, a shell with a few children cannot run.
const MIN_PIDS_PER_WORKER: u32 = 16;

choice!(
    /// The kind of engine that starts jobs, by the word of the configuration.
    #[derive(Default)]
    EngineKind {
        /// Processes on this host.
        #[default]
        Local = "local",
        /// A Slurm cluster.
        Slurm = "slurm",
        /// A Kubernetes cluster.
        Kubernetes = "kubernetes",
    }
);

/// The form in which a worker runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// A process of the host with its children.
    #[default]
    Process,
    /// A container of an image.
    Container,
}

/// A declared capacity; the engine detects each part that is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityConfig {
    /// Processor cores; decimals are allowed.
    pub cpu_cores: Option<f64>,
    /// Memory in GB of 2^30 bytes.
    pub memory_gb: Option<f64>,
    /// The GPUs by model, in the order of their indices.
    pub gpus: Option<Vec<GpuConfig>>,
}

/// A number of GPUs of one model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuConfig {
    /// The model name.
    pub name: String,
    /// The number of GPUs of this model.
    pub count: u32,
}

/// A `[[centre.storage]]` table: a directory that jobs may mount.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// The id that a mount of a spec names as `storageId`.
    pub id: String,
    /// The storage type: `nas-capacity` or `nas-performance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The absolute path of the directory.
    pub path: PathBuf,
    /// Whether jobs may only read in the directory.
    #[serde(default)]
    pub read_only: bool,
    /// The name that people see.
    pub name: Option<String>,
}

/// A `[[centre.product]]` table: a named size of one worker.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductConfig {
    /// The code that a spec names as `productCode`.
    pub code: String,
    /// The name that people see.
    pub name: String,
    /// Processor cores of one worker.
    pub cpu_cores: f64,
    /// Memory of one worker in GB of 2^30 bytes.
    pub memory_gb: f64,
    /// The GPU model; if left out, any model.
    pub gpu_name: Option<String>,
    /// GPUs of one worker.
    #[serde(default)]
    pub gpu_count: u32,
    /// The price, as text for display.
    pub price: Option<String>,
    /// The unit of the price, such as an hour; for display.
    pub price_unit: Option<String>,
    /// Disk in GB, for display.
    #[serde(default)]
    pub disk_gb: f64,
}

impl CentreConfig {
    /// The default: this host as centre 1.
    pub fn this_machine() -> Self {
        Self {
            id: 1,
            name: "this machine".to_owned(),
            engine: EngineKind::Local,
            runtime: Runtime::Process,
            capacity: CapacityConfig::default(),
            assumed_hours: None,
            run_as: RunAs::Server,
            accounts: BTreeMap::new(),
            nvidia_smi: None,
            storage: Vec::new(),
            product: Vec::new(),
            limits: LimitsKind::Auto,
            pids_per_worker: pids_per_worker(),
        }
    }

    /// [`Self::assumed_hours`] as a length of time.
    pub fn assumed(&self) -> Option<Span> {
        self.assumed_hours.map(super::hours)
    }

    pub(super) fn check(&self, data_dir: &str) -> Result<(), String> {
        if self.id < 1 {
            return Err("id must be 1 or more".to_owned());
        }
        match (self.engine, self.runtime) {
            (EngineKind::Local, Runtime::Process) => {}
            (EngineKind::Slurm | EngineKind::Kubernetes, _) | (EngineKind::Local, Runtime::Container) => {
                return Err("this version supports only engine \"local\" with runtime \"process\"".to_owned());
            }
        }
        if self.pids_per_worker < MIN_PIDS_PER_WORKER {
            return Err(format!("pids_per_worker must be {MIN_PIDS_PER_WORKER} or more"));
        }
        self.run_as.check(&self.accounts)?;
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

// Limits beyond any real centre: a larger number is a typing error.
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

    /// The detected capacity, with each declared part in place of the detected one.
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
    /// The storage in the form of the domain; `None` if the type is unknown, which `check` refuses.
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

    /// The product in the form of the domain.
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

/// The declared GPUs with indices from 0, in the order of the list.
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
