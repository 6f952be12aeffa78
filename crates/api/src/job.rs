//! Jobs, which the published API calls instances: creation, status, attempts, lists.

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
    spec::{Notice, SpecFields, VariableValue},
};

/// A job to create, from a template or from settings alone.
///
/// With `TEMPLATE`, each setting overrides the template by RFC 7396: `null` unsets a setting, and `storageConfigs` merge by
/// `mountPath`. With `CUSTOM`, the settings are the whole job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "createType": "TEMPLATE",
    "templateId": "tpl_6f1a62c0a5bf4e0c9b2f",
    "name": "first run",
    "resource": {"workerCount": 4}
}))]
pub struct JobCreate {
    /// Source of the job: a template, or the settings in the body alone.
    pub create_type: CreateType,
    /// With `TEMPLATE`: id of the template; required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub template_id: Option<String>,
    /// With `TEMPLATE`: version of the template; by default its default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub template_version: Option<u64>,
    /// Name of the job, not necessarily unique; by default the name of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
    )]
    pub name: Option<String>,
    /// Values for the parameters of the template, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_values: Option<BTreeMap<String, VariableValue>>,
    /// Settings of the job, or overrides of the template.
    #[serde(flatten)]
    pub spec: SpecFields,
}

/// Source of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CreateType {
    /// A template, with the settings in the body as overrides.
    Template,
    /// The settings in the body alone.
    Custom,
}

/// The created job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobCreated {
    /// Id of the job.
    #[schema(example = "job_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Settings that are allowed but probably mistakes; left out if there are none. The detail of the job lists them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Notice>,
}

/// A new time limit for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobTimeout {
    /// Limit in seconds of running time, summed over all attempts, up to one year; `null` removes the limit.
    #[schema(required = true, minimum = 1, maximum = 31536000, example = 7200)]
    pub timeout_seconds: Option<u64>,
}

/// Status of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum JobStatus {
    /// Waits in the queue; `waitingFor` has the reasons. Filters also accept `Queued`.
    NotStarted,
    /// Resources are allocated, and the workers are starting.
    Starting,
    /// All workers have started.
    Running,
    /// An attempt failed; the job waits for its next attempt.
    Retrying,
    /// A stop was requested; the workers may still run until the end of the grace period.
    Stopping,
    /// Ended by a stop request.
    Stopped,
    /// Ended with success of all workers.
    Succeeded,
    /// Ended with a failure; `reason` and `message` describe it.
    Failed,
}

impl JobStatus {
    /// All words that a filter accepts: those of the records, and `Queued` for `NotStarted`.
    pub const FILTERS: [&str; 9] =
        ["NotStarted", "Queued", "Starting", "Running", "Retrying", "Stopping", "Stopped", "Succeeded", "Failed"];

    /// The word on the wire.
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

    /// Whether the status is final; only a restart leaves it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }
}

/// A job as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRecord {
    /// Id of the job.
    #[schema(example = "job_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Name of the job.
    pub name: String,
    /// Id of the compute centre.
    pub aidc_id: i64,
    /// Status of the job.
    pub status: JobStatus,
    /// Reason for the status: `Submitted`, `WaitingForResources`, `Placed`, `WorkersRunning`, `RetryDue`, `Restarted`,
    /// `TimeoutChanged`, `Completed`, `StoppedByUser`, `TimedOut`, `WorkerFailed`, `Killed`, `OutOfMemory`, `CommandNotFound`,
    /// `CannotStart`, `WorkerLost`, `PlatformFault` or `EngineUnreachable`. Later versions may have more.
    #[schema(example = "WorkerFailed")]
    pub reason: String,
    /// Reason for the status, as a sentence; empty if there is none.
    pub message: String,
    /// Requested workers and GPUs.
    pub resource: JobResource,
    /// Priority, 1 to 3; a higher number starts sooner.
    pub priority: i64,
    /// Project of the job.
    pub project: String,
    /// User that created the job.
    pub create_by: String,
    /// Id of the template; left out for a `CUSTOM` job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub template_id: Option<String>,
    /// Version of the template; left out for a `CUSTOM` job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub template_version: Option<u64>,
    /// Creation time, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// Creation time in Unix milliseconds.
    pub created_time_ms: i64,
    /// Start time of the first attempt, `yyyy-MM-dd HH:mm:ss`; left out before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// Start time of the first attempt in Unix milliseconds; left out before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// End time, `yyyy-MM-dd HH:mm:ss`; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// End time in Unix milliseconds; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
}

/// Requested workers and GPUs of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobResource {
    /// Number of workers.
    pub worker_count: u32,
    /// Number of GPUs for each worker.
    pub gpu_count: u32,
    /// GPU model; `-` if any model is accepted or no GPU is requested.
    #[schema(example = "-")]
    pub gpu_name: String,
}

/// A job with its settings and attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDetail {
    /// The job as lists show it.
    #[serde(flatten)]
    pub record: JobRecord,
    /// All reasons why the job waits; empty once it has started.
    pub waiting_for: Vec<WaitingReason>,
    /// With status `NotStarted`: when the engine expects to start the job, `yyyy-MM-dd HH:mm:ss`; left out if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expected_start_time: Option<String>,
    /// With status `NotStarted`: when the engine expects to start the job, in Unix milliseconds; left out if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expected_start_time_ms: Option<i64>,
    /// With status `Retrying`: earliest time of the next attempt, `yyyy-MM-dd HH:mm:ss`; else left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_time: Option<String>,
    /// With status `Retrying`: earliest time of the next attempt in Unix milliseconds; else left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_attempt_time_ms: Option<i64>,
    /// Settings of the job, with defaults filled in.
    pub spec: SpecFields,
    /// Source of each setting, by path: `default`, `template tpl_… v3`, `request`, `product`, or `set by …` if a user changed
    /// it after the creation.
    #[schema(example = json!({"resource.cpuCores": "default", "startCommand": "template tpl_6f1a62c0a5bf4e0c9b2f v1"}))]
    pub provenance: BTreeMap<String, String>,
    /// Settings that the centre does not enforce, and other notices.
    pub warnings: Vec<Notice>,
    /// Attempts of the job, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One reason why a job waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingReason {
    /// Kind of reason: `WaitingForCpu`, `WaitingForMemory`, `WaitingForGpu`, `WaitingForPorts`, `WaitingForDisk`,
    /// `FirstInQueue`, `AheadInQueue`, `WaitingInEngineQueue`, `EngineUnreachable`, `WaitingForSecret`, `CentreUnknown` or
    /// `CentreTooSmall`. Later versions may have more.
    #[schema(example = "WaitingForGpu")]
    pub code: String,
    /// Missing amounts and the jobs ahead, as a sentence.
    pub message: String,
}

/// One attempt to run a job. All its workers start together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Number of the attempt, from 1.
    pub number: u32,
    /// Status of the attempt.
    pub status: RunStatus,
    /// Reason for the status, as one word; empty if there is none.
    pub reason: String,
    /// Reason for the status, as a sentence; empty if there is none.
    pub message: String,
    /// Start time, `yyyy-MM-dd HH:mm:ss`; left out before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// Start time in Unix milliseconds; left out before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// End time, `yyyy-MM-dd HH:mm:ss`; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// End time in Unix milliseconds; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
    /// Workers of the attempt, by rank.
    pub workers: Vec<Pod>,
}

/// Selects jobs; they are listed newest first. All given filters must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct JobListQuery {
    /// Number of the page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows per page, 1 to 100; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
    /// Part of the name; `%` and `_` have no special meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub name: Option<String>,
    /// Status; `Queued` is accepted for `NotStarted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline, value_type = Option<StatusFilter>, example = "Running")]
    pub status: Option<String>,
    /// Id of the compute centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
    /// Id of the template from which the job was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub template_id: Option<String>,
}

/// Schema of the filter by status. The field itself is text, so that the server can name the nearest status.
struct StatusFilter;

impl PartialSchema for StatusFilter {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(JobStatus::FILTERS)).into()
    }
}

impl ToSchema for StatusFilter {}
