//! What a compute centre has and what a worker takes of it. Sizes are exact integers: thousandths of a core and
//! bytes, so that sums never drift.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Bytes in the gigabyte of this product: 1 GB = 2^30 bytes.
pub const GB: u64 = 1 << 30;

/// How much of a disk of this size is left to what must be written down whatever fills it; a disk with less room counts
/// as full. Small disks have a smaller reserve.
pub const fn disk_reserve(size: u64) -> u64 {
    const MOST: u64 = 16 << 20;
    let part = size / 20;
    if part < MOST { part } else { MOST }
}

/// One accelerator of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// The number by which `CUDA_VISIBLE_DEVICES` knows it on this host.
    pub index: u32,
    /// The model's name as the driver or the configuration gives it.
    pub model: String,
}

/// All that a centre can hand out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Every accelerator, by index.
    pub gpus: Vec<Gpu>,
}

/// What one worker of a job takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSize {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// How many accelerators.
    pub gpus: u32,
    /// The model they must be of; `None` takes any.
    pub gpu_model: Option<String>,
}

/// Whether two spellings name the same accelerator model: case, spaces and hyphens do not count.
pub fn same_model(left: &str, right: &str) -> bool {
    plain_model(left) == plain_model(right)
}

/// The spelling that [`same_model`] compares.
pub fn plain_model(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-')).flat_map(char::to_lowercase).collect()
}
