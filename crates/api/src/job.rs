//! Jobs (the family calls them instances): making one, its state and its attempts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    pod::{Pod, RunStatus},
    spec::{Notice, Scalar, SpecFields},
};

/// A job to make, from a template or as a whole.
///
/// With `TEMPLATE`, any of the settings is an override, merged over the template by RFC 7396: `null` unsets,
/// `storageConfigs` merge by `mountPath`. With `CUSTOM`, the settings are the whole job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "createType": "TEMPLATE",
    "templateId": "tpl_6f1a62c0a5bf4e0c9b2f",
    "name": "first run",
    "resource": {"workerCount": 4}
}))]
pub struct JobCreate {
    /// From a template, or whole.
    pub create_type: CreateType,
    /// With `TEMPLATE`: id of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub template_id: Option<String>,
    /// With `TEMPLATE`: which version; by default the template's default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub template_version: Option<u64>,
    /// Name; by default the template's. It need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
    )]
    pub name: Option<String>,
    /// Values for the template's parameters, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_values: Option<BTreeMap<String, Scalar>>,
    /// Settings of the job, or overrides of the template's.
    #[serde(flatten)]
    pub spec: SpecFields,
}

/// What a job is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CreateType {
    /// From a template.
    Template,
    /// From the settings in the body alone.
    Custom,
}

/// A job that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobCreated {
    /// Id of the job.
    #[schema(example = "job_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
}

/// Another limit of a job's running time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobTimeout {
    /// Seconds of running, summed over attempts, up to a year; `null` takes the limit away.
    #[schema(required = true, minimum = 1, maximum = 31536000, example = 7200)]
    pub timeout_seconds: Option<u64>,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum JobStatus {
    /// It waits for its turn; `waitingFor` says for what. Filters also take `Queued`.
    NotStarted,
    /// Its workers are being started.
    Starting,
    /// Its workers run.
    Running,
    /// An attempt failed; it waits for its next one.
    Retrying,
    /// It was asked to end; its grace runs.
    Stopping,
    /// It was stopped.
    Stopped,
    /// Every worker ended well.
    Succeeded,
    /// It failed; `reason` and `message` say how.
    Failed,
}

impl JobStatus {
    /// Every word that a filter takes: those of the records, and `Queued` for `NotStarted`.
    pub const FILTERS: [&str; 9] =
        ["NotStarted", "Queued", "Starting", "Running", "Retrying", "Stopping", "Stopped", "Succeeded", "Failed"];

    /// Its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Retrying => "Retrying",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether nothing happens to it any more.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }
}

/// One job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRecord {
    /// Id of the job.
    #[schema(example = "job_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Compute centre it runs in.
    pub aidc_id: i64,
    /// Where it is in its life.
    pub status: JobStatus,
    /// Why it is there, as one word.
    #[schema(example = "WorkerFailed")]
    pub reason: String,
    /// Why it is there, as a sentence.
    pub message: String,
    /// What it asks for.
    pub resource: JobResource,
    /// 1 to 3; a higher number starts sooner.
    pub priority: i64,
    /// Project it belongs to.
    pub project: String,
    /// User who made it.
    pub create_by: String,
    /// Template it was made from; left out for a `CUSTOM` job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub template_id: Option<String>,
    /// Version of that template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub template_version: Option<u64>,
    /// When it was made, `yyyy-MM-dd HH:mm:ss` in the server's time zone (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// When it was made, in Unix milliseconds.
    pub created_time_ms: i64,
    /// When its first attempt began; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// When its first attempt began, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// When it ended; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// When it ended, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
}

/// What a job asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobResource {
    /// How many workers.
    pub worker_count: u32,
    /// GPUs of each worker.
    pub gpu_count: u32,
    /// GPU model; `-` where any will do or none is asked for.
    #[schema(example = "-")]
    pub gpu_name: String,
}

/// One job in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    /// The job as lists show it.
    #[serde(flatten)]
    pub record: JobRecord,
    /// Everything it waits for; empty once it has started.
    pub waiting_for: Vec<WaitingReason>,
    /// While it is `Retrying`: when its next attempt is due, `yyyy-MM-dd HH:mm:ss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_time: Option<String>,
    /// While it is `Retrying`: when its next attempt is due, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_time_ms: Option<i64>,
    /// The settings it runs with, defaults filled in.
    pub spec: SpecFields,
    /// Where each setting comes from, by path: `default`, `template tpl_… v3`, `request`, `product`, or `set by …` where
    /// somebody changed it later.
    #[schema(example = json!({"resource.cpuCores": "default", "startCommand": "template tpl_6f1a62c0a5bf4e0c9b2f v1"}))]
    pub provenance: BTreeMap<String, String>,
    /// What the centre does not honour, and what else is worth knowing.
    pub warnings: Vec<Notice>,
    /// Its attempts, the oldest first.
    pub attempts: Vec<Attempt>,
}

/// One thing a job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingReason {
    /// Which one it is, as one word.
    #[schema(example = "insufficient_gpus")]
    pub code: String,
    /// How much is missing and who is ahead.
    pub message: String,
}

/// One try of a job: all its workers start together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which try, from 1.
    pub number: u32,
    /// Where it is in its life.
    pub status: RunStatus,
    /// Why it is there, as one word.
    pub reason: String,
    /// Why it is there, as a sentence.
    pub message: String,
    /// When it began, `yyyy-MM-dd HH:mm:ss`; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// When it began, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// When it ended; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// When it ended, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
    /// Its workers by rank.
    pub workers: Vec<Pod>,
}

/// Which jobs to list; newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct JobListQuery {
    /// Which page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows on a page: 1 to 100, by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
    /// Part of the name; `%` and `_` stand for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub name: Option<String>,
    /// Status; `Queued` is taken for `NotStarted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline, value_type = Option<StatusFilter>, example = "Running")]
    pub status: Option<String>,
    /// Compute centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
    /// Template it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub template_id: Option<String>,
}

/// What the document says of a filter by status; the filter itself is text.
struct StatusFilter;

impl PartialSchema for StatusFilter {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(JobStatus::FILTERS)).into()
    }
}

impl ToSchema for StatusFilter {}
