//! The resources of a compute centre and of a worker. Sizes are exact integers, thousandths of a core and bytes, so sums
//! have no rounding errors.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Bytes in the gigabyte of this product: 1 GB = 2^30 bytes.
pub const GB: u64 = 1 << 30;

/// The reserve of a disk of this size in bytes, for records that must be written even on a full disk. A disk with less
/// free space counts as full. The reserve is a twentieth of the disk, at most 16 MiB.
pub const fn disk_reserve(size: u64) -> u64 {
    const MAX: u64 = 16 << 20;
    let part = size / 20;
    if part < MAX { part } else { MAX }
}

/// One accelerator of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// The number of the accelerator on its host, as `CUDA_VISIBLE_DEVICES` counts.
    pub index: u32,
    /// The name of the model, as the driver or the configuration gives it.
    pub model: String,
}

/// All resources of a centre.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// All accelerators, by index.
    pub gpus: Vec<Gpu>,
}

/// The resources of one worker of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSize {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Number of accelerators.
    pub gpus: u32,
    /// The model that the accelerators must have; `None` accepts any.
    pub gpu_model: Option<String>,
}

/// Whether two spellings name the same accelerator model: case, spaces and hyphens are ignored.
pub fn same_model(left: &str, right: &str) -> bool {
    plain_model(left) == plain_model(right)
}

/// The spelling that [`same_model`] compares: lower case, without spaces and hyphens.
pub fn plain_model(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-')).flat_map(char::to_lowercase).collect()
}
