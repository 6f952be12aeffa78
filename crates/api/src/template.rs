//! Templates: a named, versioned set of training settings.

pub mod copy;
pub mod find;
pub mod import_export;
pub mod preview;
pub mod version;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::spec::{Notice, SpecFields, VariableValue};

/// The fields of a template. Only `name` is required; a later version or the job may add the rest.
///
/// An unknown field is refused, and the message names the nearest known one. The fields that the server adds (`id`,
/// `version`, `revision`, `createBy`, times, `runnable`, `warnings`) are ignored, so that a client can send back a template
/// that it has read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "pytorch-2gpu-template",
    "desc": "two workers, one GPU each",
    "aidcId": 1,
    "trainingType": "PRE_TRAINING",
    "trainingFramwork": "PyTorch",
    "env": {"ENV_MODE": "production", "MAX_CONN": "200"},
    "resource": {"cpuCores": "1", "gpuCount": "1", "memoryGB": "2", "workerCount": 2},
    "enableAutoRetry": true,
    "maxRetryCount": 3,
    "enableTimeoutCancel": true,
    "timeoutHours": 1,
    "startCommand": "python train.py",
    "priority": 3
}))]
pub struct TemplateBody {
    /// Name, unique within the project: 1 to 128 characters of any script, counted in Unicode normal form C; no control
    /// characters, no space at the ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        required,
        nullable = false,
        min_length = 1,
        max_length = 512,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "pytorch-2gpu-template"
    )]
    pub name: Option<String>,
    /// Settings of the jobs.
    #[serde(flatten)]
    pub spec: SpecFields,
    /// Users that can see the template; by default those of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Typed parameters. A job gives their values and gets them as environment variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// Paths of settings that a job must not override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["image", "resource.gpuCount"]))]
    pub locked: Option<Vec<String>>,
    /// Paths of settings that a job must give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["startCommand"]))]
    pub required: Option<Vec<String>>,
}

/// A template to create, or the whole new content of a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateSave {
    /// Fields of the template.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// Reason for the creation or change, up to 4,096 characters; saved with the new version if the call creates one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096, example = "two epochs are enough")]
    pub comment: Option<String>,
}

/// Visibility of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The author, the managers of the project and admins can see the template.
    Private,
    /// All users of the project can see the template.
    Project,
    /// All users of the server can see it.
    Public,
}

/// A typed parameter of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name of the parameter and of its environment variable.
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$", example = "EPOCHS")]
    pub name: String,
    /// Type of the value.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Value if the job gives none; by default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<VariableValue>,
    /// Whether the job must give a value; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Least allowed value, for types `integer` and `number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub minimum: Option<serde_json::Number>,
    /// Greatest allowed value, for types `integer` and `number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub maximum: Option<serde_json::Number>,
    /// Allowed values; required for type `choice`, refused for other types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub choices: Option<Vec<VariableValue>>,
    /// Purpose of the parameter, for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Type of the value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// An integer or a fraction.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
}

/// A template as responses return it: every field as it was sent, and the fields that the server adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRecord {
    /// Id of the template.
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Fields of the template, as they were sent.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// Default version, from 1: requests without a version use it, and this record has its content.
    pub version: u64,
    /// Latest version; each change of content creates the next.
    pub latest_version: u64,
    /// Revision, from 1: every change increases it, also one without a new version. An update names it in `If-Match`.
    pub revision: u64,
    /// Project of the template.
    pub project: String,
    /// Whether the template is hidden from lists that do not include archived templates.
    pub archived: bool,
    /// Reason for the default version, as its author gave it; left out if none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment: Option<String>,
    /// User that created the template.
    pub create_by: String,
    /// Creation time, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// Creation time in Unix milliseconds.
    pub created_time_ms: i64,
    /// Time of the last change, `yyyy-MM-dd HH:mm:ss`.
    #[schema(example = "2026-11-02 08:15:30")]
    pub updated_time: String,
    /// Time of the last change in Unix milliseconds.
    pub updated_time_ms: i64,
    /// Number of jobs created from the template, including deleted jobs.
    pub jobs_made: u64,
    /// Creation time of the last job, `yyyy-MM-dd HH:mm:ss`; left out without a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-11-02 08:15:30")]
    pub last_used_time: Option<String>,
    /// Creation time of the last job in Unix milliseconds; left out without a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}

/// One template, and whether a job can be created from it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateDetail {
    /// The template as lists show it.
    #[serde(flatten)]
    pub record: TemplateRecord,
    /// Whether the template has everything that a job needs.
    pub runnable: bool,
    /// Missing settings and doubtful values.
    pub warnings: Vec<Notice>,
    /// Statistics of the jobs created from the template.
    pub usage: version::Usage,
}

/// Result of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateUpdated {
    /// Version after the update; unchanged if the content is equal.
    pub version: u64,
    /// Revision after the update, for the next `If-Match`.
    pub revision: u64,
}
