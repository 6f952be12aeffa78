//! The settings of a training job that templates, jobs and overrides share, by their published names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, SchemaType, Type},
    },
};

/// What to run, on what, for how long. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpecFields {
    /// Description, up to 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096, example = "two workers, one GPU each")]
    pub desc: Option<String>,
    /// Compute centre where it runs; by default the one with the lowest id. A template may name a centre that this
    /// server does not know (yet): its detail warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991_i64, example = 1)]
    pub aidc_id: Option<i64>,
    /// Kind of training; kept and filtered by, no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_type: Option<TrainingType>,
    /// Framework whose launch environment each worker gets; without one, only the `TRAINYARD_*` variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_framwork: Option<TrainingFramwork>,
    /// Kind of image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_type: Option<ImageType>,
    /// Container image. A centre with runtime `process` records it without using it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 1024,
        pattern = r"^\S*$",
        example = "harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter"
    )]
    pub image: Option<String>,
    /// Environment variables: strings, numbers or Booleans, given back as they were sent and handed to the job as text.
    /// A Boolean named `empty` is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"ENV_MODE": "production", "MAX_CONN": "200"}))]
    pub env: Option<Map<String, Value>>,
    /// What each worker gets: `workerCount` (default 1), `cpuCores` (1; decimals allowed), `memoryGB` (the cores' share
    /// of the host; 1 GB is 2^30 bytes), `gpuCount` (0), `gpuName` (empty or `-` is any model), `productCode` (fills in
    /// what is left out). Sizes are strings or numbers and are given back as they were sent; other keys are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"cpuCores": "1", "gpuCount": "1", "memoryGB": "2", "workerCount": 2}))]
    pub resource: Option<Map<String, Value>>,
    /// Whether a failed attempt is followed by another; by default not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_auto_retry: Option<bool>,
    /// Storages to mount: `storageId`, `storageType` (`nas-capacity`, `nas-performance`), `fileDirectory`, `mountPath`,
    /// `onlyRead`. Other keys are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>, example = json!([{"storageId": "0000-0000-0000-0000", "storageType": "nas-capacity", "fileDirectory": "nas123", "mountPath": "/root/nas/123", "onlyRead": true}]))]
    pub storage_configs: Option<Vec<Map<String, Value>>>,
    /// Further attempts after the first, 0 to 100 (default 3); counts only with `enableAutoRetry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub max_retry_count: Option<i64>,
    /// Whether the job is stopped after a limit of running time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_timeout_cancel: Option<bool>,
    /// The limit in hours of running time, 1 to 8760; counts only with `enableTimeoutCancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub timeout_hours: Option<i64>,
    /// Command of each worker, run by `/bin/sh -c`; under 128 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "python train.py --data /root/nas/123/data")]
    pub start_command: Option<String>,
    /// 1 to 3, by default 2; a higher number starts sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3)]
    pub priority: Option<i64>,
    /// Free labels to find things by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"team": "vision"}))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Directory in which `startCommand` runs, an absolute path without `..`; by default a directory made for the job, or
    /// the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4095, pattern = "^/", example = "/opt/train")]
    pub work_dir: Option<String>,
    /// Seconds before the first retry, up to a day (default 10); doubles each time, up to six minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub retry_delay_seconds: Option<i64>,
    /// The limit of running time in seconds; wins over `timeoutHours`; counts only with `enableTimeoutCancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31536000)]
    pub timeout_seconds: Option<i64>,
    /// Seconds between the request to end (SIGTERM) and the kill (default 30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub stop_grace_seconds: Option<i64>,
}

/// Kind of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TrainingType {
    /// Pre-training.
    #[serde(rename = "PRE_TRAINING")]
    PreTraining,
    /// High-performance computing.
    #[serde(rename = "HPC")]
    Hpc,
}

/// Framework of a job (the published spelling).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TrainingFramwork {
    /// PyTorch, also `torchrun`.
    PyTorch,
    /// DeepSpeed.
    DeepSpeed,
    /// MPI: rank 0 runs `mpirun`.
    #[serde(rename = "MPI")]
    Mpi,
    /// TensorFlow, through `TF_CONFIG`.
    TensorFlow,
}

/// Kind of image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImageType {
    /// A base image.
    General,
    /// An application's image.
    Application,
    /// The user's own image.
    Private,
}

/// A string, a number or a Boolean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// True or false.
    Truth(bool),
}

impl PartialSchema for Scalar {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean]))
            .description(Some("A string, a number or a Boolean."))
            .into()
    }
}

impl ToSchema for Scalar {}

/// Something to know that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Which one it is, as one word in snake case.
    #[schema(example = "unknown_centre")]
    pub code: String,
    /// Path of the field it is about; empty for the whole.
    #[schema(example = "aidcId")]
    pub path: String,
    /// The sentence for people.
    pub message: String,
}
