//! Versions of a template, how they differ, and what their use has shown.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::TemplateBody;

/// One version of a template in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionRecord {
    /// Its number, from 1.
    pub version: u64,
    /// Whether it is the one that is used where none is named.
    pub is_default: bool,
    /// User who made it.
    pub create_by: String,
    /// When it was made, `yyyy-MM-dd HH:mm:ss` in the server's time zone (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// When it was made, in Unix milliseconds.
    pub created_time_ms: i64,
    /// Why it was made, in its maker's words; left out where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment: Option<String>,
    /// What the jobs that were made from it came to.
    pub usage: Usage,
}

/// One version of a template in full. Name, description, labels and visibility are the template's present ones: they
/// belong to no version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionDetail {
    /// Id of the template.
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Project it belongs to.
    pub project: String,
    /// The fields as they were sent.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// The version as lists show it.
    #[serde(flatten)]
    pub record: VersionRecord,
}

/// What the jobs that were made from a template, or from one of its versions, came to; deleted jobs count on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many jobs were made.
    pub jobs: u64,
    /// How many succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were stopped by somebody.
    pub stopped: u64,
    /// The part of those that ended by themselves which succeeded, 0 to 1; left out before the first has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub success_rate: Option<f64>,
    /// Median of the milliseconds from a job's making to its first start; left out before the first start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub median_wait_ms: Option<i64>,
    /// Median of the milliseconds of running, summed over a job's attempts; left out before the first end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub median_run_ms: Option<i64>,
    /// When the last job was made, `yyyy-MM-dd HH:mm:ss`; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-11-02 08:15:30")]
    pub last_used_time: Option<String>,
    /// When the last job was made, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}

/// Which two versions to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The version that is the base of the comparison.
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub from: u32,
    /// The version that is compared with it.
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub to: u32,
}

/// How one content differs from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// The leaves that differ, in the order of their paths.
    pub changes: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Path of the field: `resource.gpuCount`, `env["a.b"]`, `storageConfigs["/data"].onlyRead`.
    #[schema(example = "resource.gpuCount")]
    pub path: String,
    /// What it was, of any JSON type; left out where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<Value>,
    /// What it is, of any JSON type; left out where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<Value>,
}

/// Which version a template is to use where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultVersion {
    /// Number of the version.
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub version: u64,
}
