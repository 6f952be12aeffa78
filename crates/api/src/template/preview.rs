//! The preview of a job: what a template and a request come to, with nothing made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::version::Change;
use crate::{
    job::CreateType,
    spec::{Notice, Scalar, SpecFields},
};

/// A job to preview: the body of its creation, in which what the path says already may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"resource": {"workerCount": 4}}))]
pub struct PreviewRequest {
    /// `TEMPLATE`, or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_type: Option<CreateType>,
    /// The template of the path, or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// Which version; by default the template's default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub template_version: Option<u64>,
    /// Name of the job; by default the template's.
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
    /// Overrides of the template's settings.
    #[serde(flatten)]
    pub spec: SpecFields,
}

/// What a job would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The settings that it would run with, defaults filled in.
    pub spec: SpecFields,
    /// Where each setting comes from, by path: `default`, `template tpl_… v3`, `request` or `product`.
    #[schema(example = json!({"resource.cpuCores": "default", "startCommand": "template tpl_6f1a62c0a5bf4e0c9b2f v1"}))]
    pub provenance: BTreeMap<String, String>,
    /// What the request changes of the template; defaults that nobody said are no change.
    pub changes: Vec<Change>,
    /// Whether the job would be made; exactly where there are no problems.
    pub runnable: bool,
    /// Everything that keeps it from being made.
    pub problems: Vec<Notice>,
    /// What is allowed and worth knowing, such as what the centre does not honour.
    pub warnings: Vec<Notice>,
    /// What would be started, by rank; nothing where it is not runnable. Numbers that are given at the start (the job's
    /// id, ports, GPUs) are shown as they could be on the idle centre.
    pub workers: Vec<WorkerPreview>,
    /// How many further workers there would be, where not all fit into the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub more_workers: Option<u64>,
}

/// One worker that would be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPreview {
    /// How it would be named.
    pub pod_name: String,
    /// Its rank, from 0.
    pub rank: u32,
    /// Its whole environment; without a process of its own (all ranks of an MPI job but the first) it has none.
    pub env: BTreeMap<String, String>,
}
