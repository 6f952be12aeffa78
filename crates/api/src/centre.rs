//! Compute centres: what they have, what is free, what they sell.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// A place where jobs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Centre {
    /// Id; the `aidcId` of templates and jobs.
    pub id: i64,
    /// Name.
    #[schema(example = "this machine")]
    pub name: String,
    /// What starts jobs there: `local`, `slurm` or `kubernetes`.
    #[schema(example = "local")]
    pub engine: String,
    /// What a worker is: `process` or `container`.
    #[schema(example = "process")]
    pub runtime: String,
    /// Whether jobs can be made for it now.
    pub enabled: bool,
    /// Everything it has.
    pub capacity: Amounts,
    /// What no job holds at the moment.
    pub free: Amounts,
    /// GPUs that no job holds and none gets, because they are not clean after their last one.
    #[serde(rename = "gpusAside")]
    pub quarantined_gpus: Vec<QuarantinedGpu>,
    /// How jobs are kept apart: `own user`, `data directory hidden`, or `NOT ISOLATED: every job can read the admin key`.
    #[schema(example = "data directory hidden")]
    pub isolation: String,
    /// By what it is made sure that no process outlives its job.
    pub killing: Killing,
    /// By what workers are held to what they asked for.
    pub limits: Limits,
    /// Whether running jobs outlive a restart of the server.
    pub survives_restart: bool,
    /// What is worth knowing about it, one sentence each.
    pub notes: Vec<String>,
    /// Storages that jobs there can mount.
    pub storages: Vec<Storage>,
}

/// By what it is made sure that no process outlives its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Killing {
    /// `cgroup.kill`, `freezer`, `pid namespace` or `subreaper`, from the strongest to the weakest; other engines have
    /// words of their own.
    #[schema(example = "cgroup.kill")]
    pub means: String,
    /// What that means.
    pub note: String,
}

/// By what workers are held to what they asked for: `cgroup v2`, `cgroup v1`, or `none` where it is counted only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Cores.
    #[schema(example = "cgroup v2")]
    pub cpu: String,
    /// Memory.
    #[schema(example = "cgroup v2")]
    pub memory: String,
    /// Processes and threads.
    #[schema(example = "cgroup v2")]
    pub pids: String,
    /// Why some are `none`; empty where none is.
    pub note: String,
}

/// Which limits of cores, memory and processes are enforced, by what, and why others are not; for people.
pub fn limits_in_words([cpu, memory, pids]: [&str; 3], note: &str) -> String {
    let reason = if note.is_empty() { String::new() } else { format!(" ({note})") };
    if [cpu, memory, pids].iter().all(|by| *by == "none") {
        return format!("not enforced{reason}");
    }
    let part = |what: &str, by: &str| match by {
        "none" => format!("{what} not enforced"),
        by => format!("{what} by {by}"),
    };
    [part("cores", cpu), part("memory", memory), part("processes", pids)].join(", ") + &reason
}

/// Cores, memory and GPUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processor cores.
    #[serde(serialize_with = "whole_or_fraction")]
    pub cpu_cores: f64,
    /// Memory in GB of 2^30 bytes.
    #[serde(rename = "memoryGB", serialize_with = "whole_or_fraction")]
    pub memory_gb: f64,
    /// GPUs by model.
    pub gpus: Vec<GpuCount>,
}

/// GPUs of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpuCount {
    /// Model.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub name: String,
    /// How many.
    pub count: u32,
}

/// A GPU that is handed out again only when it is clean: no process on it, and its memory free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedGpu {
    /// Its number on the host.
    pub index: u32,
    /// Model.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub name: String,
    /// Whether it has been so for a minute and longer, so that somebody should look.
    pub stuck: bool,
    /// What is to be seen on it.
    #[schema(example = "used by process 4711 (python), 40536 of 46068 MB in use")]
    pub reason: String,
}

/// A storage that jobs can mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Id; the `storageId` of a mount.
    #[schema(example = "11111111-2222-3333-4444-555555555555")]
    pub storage_id: String,
    /// `nas-capacity` or `nas-performance`.
    #[schema(example = "nas-capacity")]
    pub storage_type: String,
    /// Where it lies in the centre.
    #[schema(example = "/data/nas")]
    pub path: String,
    /// Whether it can only be read.
    pub read_only: bool,
    /// What people call it; left out where it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Whether it stands in the configuration file, where alone it can be removed.
    #[serde(default)]
    pub configured: bool,
}

/// A storage to add to a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageCreate {
    /// Id, by which mounts name it: 1 to 128 characters, no control characters, no space at the ends; by default one is
    /// made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "11111111-2222-3333-4444-555555555555"
    )]
    pub storage_id: Option<String>,
    /// `nas-capacity` or `nas-performance`.
    #[schema(pattern = "^nas-(capacity|performance)$", example = "nas-capacity")]
    pub storage_type: String,
    /// Where it lies in the centre: an absolute path of a directory that exists there, apart from the server's own.
    #[schema(pattern = "^/", example = "/data/nas")]
    pub path: String,
    /// Whether it can only be read; by default not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// What people call it: as an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, example = "the group's NAS")]
    pub name: Option<String>,
}

/// A bundle for one worker that a centre offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Name.
    #[schema(example = "量子训练")]
    pub name: String,
    /// Compute centre.
    pub aidc_id: i64,
    /// Code; the `productCode` of `resource`.
    #[schema(example = "PRD-QTT")]
    pub product_code: String,
    /// Cores of a worker.
    #[serde(serialize_with = "whole_or_fraction")]
    pub cpu_cores: f64,
    /// Memory of a worker in GB of 2^30 bytes.
    #[serde(rename = "memoryGB", serialize_with = "whole_or_fraction")]
    pub memory_gb: f64,
    /// GPU model; `-` without GPU.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub gpu_name: String,
    /// GPUs of a worker.
    pub gpu_count: u32,
    /// Disk of a worker in GB; 0 where it is not limited.
    #[serde(rename = "diskGB", serialize_with = "whole_or_fraction")]
    pub disk_gb: f64,
    /// Price, as the configuration writes it; empty where none is set.
    #[schema(example = "0.0002B")]
    pub price: String,
    /// What the price is for; empty where none is set.
    pub price_unit: String,
    /// How many workers of it would fit now.
    pub remaining_count: u64,
    /// Further settings of the centre.
    #[schema(value_type = Object)]
    pub ext: Map<String, Value>,
}

/// Which centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CentreQuery {
    /// Compute centre; by default the one with the lowest id, for products all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
}

/// Writes a whole number as an integer and anything else as it is.
fn whole_or_fraction<S: Serializer>(amount: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // 2^53: beyond it a double no longer holds every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if amount.fract() == 0.0 && amount.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range in which doubles are exact")]
        serializer.serialize_i64(*amount as i64)
    } else {
        serializer.serialize_f64(*amount)
    }
}
