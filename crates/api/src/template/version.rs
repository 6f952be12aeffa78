//! Versions of a template, their differences, and statistics of their jobs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::TemplateBody;

/// A version of a template as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionRecord {
    /// Number of the version, from 1.
    pub version: u64,
    /// Whether this is the default version, which requests without a version use.
    pub is_default: bool,
    /// User that created the version.
    pub create_by: String,
    /// Creation time, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// Creation time in Unix milliseconds.
    pub created_time_ms: i64,
    /// Reason for the version, as its author gave it; left out if none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment: Option<String>,
    /// Statistics of the jobs created from the version.
    pub usage: Usage,
}

/// A version of a template with its content. Name, description, labels and visibility are the current ones of the template,
/// because they do not belong to a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionDetail {
    /// Id of the template.
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Project of the template.
    pub project: String,
    /// Fields of the template, as they were sent.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// The version as lists show it.
    #[serde(flatten)]
    pub record: VersionRecord,
}

/// Statistics of the jobs created from a template or from one of its versions, including deleted jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Number of created jobs.
    pub jobs: u64,
    /// Number of jobs that succeeded.
    pub succeeded: u64,
    /// Number of jobs that failed.
    pub failed: u64,
    /// Number of jobs that a user stopped.
    pub stopped: u64,
    /// Share of succeeded jobs among succeeded and failed jobs, 0 to 1; left out before the first of them has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub success_rate: Option<f64>,
    /// Median time in milliseconds from the creation of a job to its first start; left out before the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub median_wait_ms: Option<i64>,
    /// Median running time of a job in milliseconds, summed over its attempts; left out before the first end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub median_run_ms: Option<i64>,
    /// Creation time of the last job, `yyyy-MM-dd HH:mm:ss`; left out without a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-11-02 08:15:30")]
    pub last_used_time: Option<String>,
    /// Creation time of the last job in Unix milliseconds; left out without a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}

/// Selects two versions to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// Base version of the comparison.
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub from: u32,
    /// Version to compare with the base version.
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub to: u32,
}

/// Differences between two versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// Fields that differ, ordered by path.
    pub changes: Vec<Change>,
}

/// A difference in one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Path of the field: `resource.gpuCount`, `env["a.b"]`, `storageConfigs["/data"].onlyRead`.
    #[schema(example = "resource.gpuCount")]
    pub path: String,
    /// Old value, of any JSON type; left out if the field did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<Value>,
    /// New value, of any JSON type; left out if the field no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<Value>,
}

/// The default version to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultVersion {
    /// Number of the version.
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub version: u64,
}
