//! The settings of a training job, which templates, jobs and overrides share, by their published names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type},
    },
};

/// Settings of a training job. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpecFields {
    /// Description of the job or template, up to 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096, example = "two workers, one GPU each")]
    pub desc: Option<String>,
    /// Id of the compute centre; by default the centre with the lowest id. A template may name a centre that this server
    /// does not have; then its detail has a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9007199254740991_i64, example = 1)]
    pub aidc_id: Option<i64>,
    /// Training type; only stored and used as a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_type: Option<TrainingType>,
    /// Framework. Each worker gets its launch variables; without a framework, only the `TRAINYARD_*` variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_framwork: Option<TrainingFramwork>,
    /// Type of the image; only stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_type: Option<ImageType>,
    /// Container image. A centre with runtime `process` stores it without using it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 1024,
        pattern = r"^\S*$",
        example = "harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter"
    )]
    pub image: Option<String>,
    /// Environment variables: strings, numbers, Booleans, or `{"secret": "NAME"}`. Responses return them as sent; the job gets
    /// them as text, and in place of a secret its value. A Boolean named `empty` is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"ENV_MODE": "production", "MAX_CONN": "200", "WANDB_API_KEY": {"secret": "wandb"}}))]
    pub env: Option<Map<String, Value>>,
    /// Number of workers and resources of each: `workerCount` (default 1), `cpuCores` (default 1; may be a fraction),
    /// `memoryGB` (default: the share of the host's memory that matches the cores; 1 GB is 2^30 bytes), `gpuCount` (default
    /// 0), `gpuName` (empty or `-`: any model), `productCode` (a product that fills in the sizes left out). Sizes are strings
    /// or numbers and are returned as sent; other keys are stored and returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"cpuCores": "1", "gpuCount": "1", "memoryGB": "2", "workerCount": 2}))]
    pub resource: Option<Map<String, Value>>,
    /// Whether the job is retried after a failed attempt; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_auto_retry: Option<bool>,
    /// Storages to mount: `storageId`, `storageType` (`nas-capacity`, `nas-performance`), `fileDirectory`, `mountPath`,
    /// `onlyRead`. Other keys are stored and returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>, example = json!([{"storageId": "0000-0000-0000-0000", "storageType": "nas-capacity", "fileDirectory": "nas123", "mountPath": "/root/nas/123", "onlyRead": true}]))]
    pub storage_configs: Option<Vec<Map<String, Value>>>,
    /// Retries after the first attempt, 0 to 100 (default 3); used only with `enableAutoRetry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub max_retry_count: Option<i64>,
    /// Whether the server stops the job at its time limit; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_timeout_cancel: Option<bool>,
    /// Time limit in hours of running time, 1 to 8760; used only with `enableTimeoutCancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub timeout_hours: Option<i64>,
    /// Command of each worker, run by `/bin/sh -c`; less than 128 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "python train.py --data /root/nas/123/data")]
    pub start_command: Option<String>,
    /// Priority, 1 to 3 (default 2); a higher number starts sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3)]
    pub priority: Option<i64>,
    /// Labels for filters and search, chosen by the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"team": "vision"}))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Directory in which `startCommand` runs: an absolute path without `..`; by default the work directory of the job, or
    /// that of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4095, pattern = "^/", example = "/opt/train")]
    pub work_dir: Option<String>,
    /// Seconds before the first retry, 0 to 86400 (default 10); doubles with each retry, up to six minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub retry_delay_seconds: Option<i64>,
    /// Time limit in seconds of running time, up to one year; takes precedence over `timeoutHours`; used only with
    /// `enableTimeoutCancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31536000)]
    pub timeout_seconds: Option<i64>,
    /// Seconds between SIGTERM and SIGKILL when the job is stopped, 0 to 86400 (default 30).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub stop_grace_seconds: Option<i64>,
}

/// Training type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TrainingType {
    /// Training or pre-training of a model.
    #[serde(rename = "PRE_TRAINING")]
    PreTraining,
    /// High-performance computing.
    #[serde(rename = "HPC")]
    Hpc,
}

/// Framework of a job. The spelling of the name is the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TrainingFramwork {
    /// PyTorch, with or without `torchrun`.
    PyTorch,
    /// DeepSpeed and its launcher.
    DeepSpeed,
    /// MPI: only rank 0 runs the command, which calls `mpirun`.
    #[serde(rename = "MPI")]
    Mpi,
    /// TensorFlow, through `TF_CONFIG`.
    TensorFlow,
}

/// Type of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImageType {
    /// A general base image.
    General,
    /// An image of an application.
    Application,
    /// An image of the user.
    Private,
}

/// Value of an environment variable or a parameter: a string, a number, a Boolean, or the name of a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum VariableValue {
    /// A string.
    Text(String),
    /// An integer or a fraction.
    Number(serde_json::Number),
    /// A Boolean value.
    Truth(bool),
    /// The value of a secret.
    Secret(SecretReference),
}

/// Names a secret in place of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretReference {
    /// Name of the secret: a personal one of the user of the job, else one of the project.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "wandb")]
    pub secret: String,
}

impl PartialSchema for VariableValue {
    fn schema() -> RefOr<Schema> {
        let plain = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean]);
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(plain))
            .item(SecretReference::schema())
            .description(Some("A string, a number, a Boolean, or the name of a secret."))
            .into()
    }
}

impl ToSchema for VariableValue {}

/// A notice about a template, a job or a preview that does not refuse the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Kind of notice: `required`, `unknown_field`, `wrong_type`, `out_of_range`, `malformed`, `not_a_choice`, `duplicate`,
    /// `reserved`, `locked`, `unknown`, `never_fits`, `not_supported` or `suspicious`. Later versions may have more.
    #[schema(example = "unknown")]
    pub code: String,
    /// Path of the field; empty for the whole object.
    #[schema(example = "aidcId")]
    pub path: String,
    /// Explanation for users, as a sentence.
    pub message: String,
}
