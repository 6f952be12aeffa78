//! One compute centre of the configuration: its engine, what it has, what it sells.

use std::path::PathBuf;

use serde::Deserialize;
use trainyard_domain::capacity::{Capacity, GB, Gpu, WorkerSize};
use trainyard_domain::spec::Product;

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
    /// Volumes that jobs may mount.
    #[serde(default)]
    pub storage: Vec<StorageConfig>,
    /// Bundles that it offers.
    #[serde(default)]
    pub product: Vec<ProductConfig>,
}

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
            storage: Vec::new(),
            product: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("centre {}: {what}", self.id));
        if self.id < 1 {
            return wrong("id must be 1 or more");
        }
        if self.engine != EngineKind::Local || self.runtime != Runtime::Process {
            return wrong("this version runs jobs with engine \"local\" and runtime \"process\" only");
        }
        let positive = |number: Option<f64>| number.is_none_or(|n| n.is_finite() && n > 0.0);
        if !positive(self.capacity.cpu_cores) || !positive(self.capacity.memory_gb) {
            return wrong("capacity must be more than 0");
        }
        for product in &self.product {
            if !positive(Some(product.cpu_cores)) || !positive(Some(product.memory_gb)) {
                return wrong(&format!("product {}: sizes must be more than 0", product.code));
            }
        }
        for storage in &self.storage {
            if trainyard_domain::spec::StorageType::parse(&storage.kind).is_none() {
                return wrong(&format!("storage {}: type must be nas-capacity or nas-performance", storage.id));
            }
        }
        Ok(())
    }
}

impl CapacityConfig {
    /// What is set, over what was found.
    pub fn over(&self, found: Capacity) -> Capacity {
        Capacity {
            cpu_milli: self.cpu_cores.map_or(found.cpu_milli, thousandths),
            memory_bytes: self.memory_gb.map_or(found.memory_bytes, bytes),
            gpus: self.gpus.as_deref().map_or(found.gpus, numbered),
        }
    }
}

impl ProductConfig {
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
