//! The preview of a job: the result of a template and a request, without creating anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::version::Change;
use crate::{
    job::CreateType,
    spec::{Notice, SpecFields, VariableValue},
};

/// A job to preview: the body of its creation. `createType` and `templateId` may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"resource": {"workerCount": 4}}))]
pub struct PreviewRequest {
    /// `TEMPLATE` or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_type: Option<CreateType>,
    /// Id of the template in the path, or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// Version of the template; by default its default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub template_version: Option<u64>,
    /// Name of the job; by default the name of the template.
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
    /// Overrides of the template.
    #[serde(flatten)]
    pub spec: SpecFields,
}

/// The job that a request would create.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Settings of the job, with defaults filled in.
    pub spec: SpecFields,
    /// Source of each setting, by path: `default`, `template tpl_… v3`, `request` or `product`.
    #[schema(example = json!({"resource.cpuCores": "default", "startCommand": "template tpl_6f1a62c0a5bf4e0c9b2f v1"}))]
    pub provenance: BTreeMap<String, String>,
    /// Changes of the request to the template. A default is not a change.
    pub changes: Vec<Change>,
    /// Whether the job would be created: `true` exactly if `problems` is empty.
    pub runnable: bool,
    /// All reasons why the job would be refused.
    pub problems: Vec<Notice>,
    /// Notices that do not refuse the job, such as settings that the centre does not enforce.
    pub warnings: Vec<Notice>,
    /// Workers that would start, by rank; empty if `runnable` is `false`. The id of the job, ports and GPUs are examples, as
    /// on an idle centre, because each start assigns them.
    pub workers: Vec<WorkerPreview>,
    /// Number of further workers; left out if `workers` has all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub more_workers: Option<u64>,
}

/// One worker that would start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPreview {
    /// Name of the worker, with an example id of the job.
    pub pod_name: String,
    /// Rank of the worker, from 0.
    pub rank: u32,
    /// All environment variables of the worker; empty if it has no process of its own (ranks after the first of an MPI job).
    /// A value that only the start of the job decides is shown as `<decided on the node>`.
    pub env: BTreeMap<String, String>,
}
