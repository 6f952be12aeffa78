//! Compute centres: capacity, free resources, quarantined GPUs, storages, products.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// A compute centre, in which jobs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Centre {
    /// Id of the centre; templates and jobs name it as `aidcId`.
    pub id: i64,
    /// Name to display.
    #[schema(example = "this machine")]
    pub name: String,
    /// Engine that starts the jobs: `local`, `slurm` or `kubernetes`.
    #[schema(example = "local")]
    pub engine: String,
    /// How a worker runs: `process` or `container`.
    #[schema(example = "process")]
    pub runtime: String,
    /// Whether jobs can be created for the centre now.
    pub enabled: bool,
    /// Total resources of the centre; 0 if its engine has not said them, which `notes` then states.
    pub capacity: Amounts,
    /// Resources that no job of this server holds now. Where the engine places jobs itself, other users of the cluster may
    /// hold a part of them.
    pub free: Amounts,
    /// Quarantined GPUs: no job holds them, and the scheduler does not allocate them, because they are still in use after
    /// their last job.
    #[serde(rename = "gpusAside")]
    pub quarantined_gpus: Vec<QuarantinedGpu>,
    /// Isolation of jobs: `own user`, `data directory hidden`, or `NOT ISOLATED: every job can read the admin key`.
    #[schema(example = "data directory hidden")]
    pub isolation: String,
    /// User of the host that jobs run as: `server`, `root`, `submitter`, `pool`, or the name of an account. With `server`, a
    /// server that runs as root lets only admins create jobs.
    #[schema(example = "submitter")]
    pub run_as: String,
    /// Each means of isolating jobs from each other and from the host, and whether the centre has it.
    #[serde(default)]
    pub isolation_means: Vec<IsolationMeans>,
    /// How the engine ensures that no process outlives its job.
    pub killing: Killing,
    /// How the engine enforces the cores, memory and processes of workers.
    pub limits: Limits,
    /// Whether running jobs continue when the server restarts.
    pub survives_restart: bool,
    /// Folders of deleted jobs that could not be deleted from the disk. The server tries again, with pauses of up to an hour.
    /// Shown to administrators; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_folders: Vec<BlockedFolder>,
    /// Notes about the centre, one sentence each.
    pub notes: Vec<String>,
    /// Storages that jobs of the centre can mount.
    pub storages: Vec<Storage>,
}

/// One means of isolating jobs from each other and from the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IsolationMeans {
    /// Name of the means. For the local engine: `mount namespace`, `pid namespace`, `IPC namespace`, `private directories`,
    /// `private /dev/shm`, `control group namespace`, `capabilities`.
    #[schema(example = "pid namespace")]
    pub means: String,
    /// Whether jobs are isolated by it.
    pub used: bool,
    /// What the means does; if it is not used, why not.
    pub note: String,
}

/// How the engine ensures that no process outlives its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Killing {
    /// Kill method. For the local engine, strongest first: `cgroup.kill`, `freezer`, `pid namespace`, `subreaper`.
    #[schema(example = "cgroup.kill")]
    pub means: String,
    /// Guarantees and limits of this method, as a sentence.
    pub note: String,
}

/// How the engine enforces the resources of workers: `cgroup v2`, `cgroup v1`, or `none` if the scheduler only counts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Mechanism for processor cores.
    #[schema(example = "cgroup v2")]
    pub cpu: String,
    /// Mechanism for memory.
    #[schema(example = "cgroup v2")]
    pub memory: String,
    /// Mechanism for the number of processes and threads.
    #[schema(example = "cgroup v2")]
    pub pids: String,
    /// Reason for each `none`; empty if all are enforced.
    pub note: String,
}

/// A text for users: the limits that are enforced and how, and the reason for those that are not.
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

/// Amounts of cores, memory and GPUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processor cores; may be a fraction.
    #[serde(serialize_with = "whole_or_fraction")]
    pub cpu_cores: f64,
    /// Memory in GB of 2^30 bytes.
    #[serde(rename = "memoryGB", serialize_with = "whole_or_fraction")]
    pub memory_gb: f64,
    /// Number of GPUs for each model.
    pub gpus: Vec<GpuCount>,
}

/// The number of GPUs of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpuCount {
    /// Model of the GPU.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub name: String,
    /// Number of GPUs of this model.
    pub count: u32,
}

/// A GPU that the scheduler does not allocate until no process uses it and its memory is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedGpu {
    /// Index of the GPU on the host, from 0.
    pub index: u32,
    /// Model of the GPU.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub name: String,
    /// Whether the GPU has been quarantined for a minute or longer, so that an operator should check it.
    pub stuck: bool,
    /// Observed use of the GPU.
    #[schema(example = "used by process 4711 (python), 40536 of 46068 MB in use")]
    pub reason: String,
}

/// A folder of a deleted job that could not be deleted from the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedFolder {
    /// Path of the folder on the host of the server.
    #[schema(example = "/var/lib/trainyard/deleted/job_6f1a62c0a5bf4e0c9b2f")]
    pub path: String,
    /// First obstacle in the folder, and what an operator can do.
    pub reason: String,
    /// Time of the first failure since the start of the server, `yyyy-MM-dd HH:mm:ss`.
    #[schema(example = "2026-11-02 08:15:30")]
    pub since_time: String,
    /// Time of the first failure since the start of the server, in Unix milliseconds.
    pub since_time_ms: i64,
}

/// A storage that jobs can mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Id of the storage; mounts name it as `storageId`.
    #[schema(example = "11111111-2222-3333-4444-555555555555")]
    pub storage_id: String,
    /// Storage type: `nas-capacity` or `nas-performance`.
    #[schema(example = "nas-capacity")]
    pub storage_type: String,
    /// Directory of the storage on the host of the centre.
    #[schema(example = "/data/nas")]
    pub path: String,
    /// Whether jobs can only read the storage.
    pub read_only: bool,
    /// Name to display; left out if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Whether the storage is defined in the configuration file; then it can be removed only there.
    #[serde(default)]
    pub configured: bool,
}

/// A storage to add to a centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageCreate {
    /// Id that mounts use: 1 to 128 characters, no control characters, no space at the ends.
    /// By default the server generates an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "11111111-2222-3333-4444-555555555555"
    )]
    pub storage_id: Option<String>,
    /// Storage type: `nas-capacity` or `nas-performance`.
    #[schema(pattern = "^nas-(capacity|performance)$", example = "nas-capacity")]
    pub storage_type: String,
    /// Absolute path of an existing directory on the host of the centre, outside the data directory of the server.
    #[schema(pattern = "^/", example = "/data/nas")]
    pub path: String,
    /// Whether jobs can only read the storage; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Name to display, by the same rules as an id; by default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 128, example = "the group's NAS")]
    pub name: Option<String>,
}

/// A product: a bundle of resources for one worker that a centre offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Name to display.
    #[schema(example = "量子训练")]
    pub name: String,
    /// Id of the compute centre.
    pub aidc_id: i64,
    /// Code of the product; `resource.productCode` of a job names it.
    #[schema(example = "PRD-QTT")]
    pub product_code: String,
    /// Processor cores of a worker; may be a fraction.
    #[serde(serialize_with = "whole_or_fraction")]
    pub cpu_cores: f64,
    /// Memory of a worker in GB of 2^30 bytes.
    #[serde(rename = "memoryGB", serialize_with = "whole_or_fraction")]
    pub memory_gb: f64,
    /// Model of the GPUs; `-` without GPU.
    #[schema(example = "NVIDIA-L40S-PCIE-48G")]
    pub gpu_name: String,
    /// Number of GPUs of a worker.
    pub gpu_count: u32,
    /// Disk of a worker in GB; 0 if it is not limited.
    #[serde(rename = "diskGB", serialize_with = "whole_or_fraction")]
    pub disk_gb: f64,
    /// Price, as the configuration file has it; empty if not set.
    #[schema(example = "0.0002B")]
    pub price: String,
    /// Unit of the price; empty if not set.
    pub price_unit: String,
    /// Number of workers of this product that fit into the `free` resources of the centre now.
    pub remaining_count: u64,
    /// Further settings of the product; empty in this version.
    #[schema(value_type = Object)]
    pub ext: Map<String, Value>,
}

/// Selects a centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CentreQuery {
    /// Id of the compute centre; by default the centre with the lowest id, and all centres for the list of products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
}

/// Serialises a whole number as an integer (`4`, not `4.0`) and any other number as a fraction.
fn whole_or_fraction<S: Serializer>(amount: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // 2^53. A double cannot represent every integer above it.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if amount.fract() == 0.0 && amount.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the range in which doubles are exact")]
        serializer.serialize_i64(*amount as i64)
    } else {
        serializer.serialize_f64(*amount)
    }
}
