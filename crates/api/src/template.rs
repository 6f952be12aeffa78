//! Templates: a named, versioned set of training settings.

pub mod copy;
pub mod find;
pub mod import_export;
pub mod preview;
pub mod version;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::spec::{Notice, Scalar, SpecFields};

/// A template as it is sent: only `name` is required, the rest may follow later or come from the job.
///
/// Unknown fields are refused, naming the nearest known one. The server's own fields (`id`, `version`, `revision`,
/// `createBy`, times, `runnable`, `warnings`) are ignored, so what was read can be sent back.
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
    /// Name, unique within the project: 1 to 128 characters of any script as Unicode composes them (normal form C), no
    /// control characters, no space at the ends.
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
    /// The job's settings.
    #[serde(flatten)]
    pub spec: SpecFields,
    /// Who sees it; by default the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Typed parameters that a job fills in and that reach it as environment variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Parameter>>,
    /// Paths that a job made from the template may not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["image", "resource.gpuCount"]))]
    pub locked: Option<Vec<String>>,
    /// Paths that a job made from the template must give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["startCommand"]))]
    pub required: Option<Vec<String>>,
}

/// A template to save, or the whole new content of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateSave {
    /// Its fields.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// Why it is made or changed, up to 4,096 characters; kept with the version that this makes, if it makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096, example = "two epochs are enough")]
    pub comment: Option<String>,
}

/// Who sees a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its author.
    Private,
    /// Everybody of its project.
    Project,
    /// Everybody on this server.
    Public,
}

/// A typed parameter of a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name of the parameter and of the environment variable.
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$", example = "EPOCHS")]
    pub name: String,
    /// Type of its value.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Value where a job gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Scalar>,
    /// Whether a job must give a value; by default not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Least value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub minimum: Option<serde_json::Number>,
    /// Greatest value of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub maximum: Option<serde_json::Number>,
    /// The words to choose from; a parameter of type `choice` has some, no other has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub choices: Option<Vec<Scalar>>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// One of `choices`.
    Choice,
}

/// A template as it is kept: every field as it was sent, and what the server adds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRecord {
    /// Id of the template.
    #[schema(example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// The fields as they were sent.
    #[serde(flatten)]
    pub body: TemplateBody,
    /// The version that is used where none is named, from 1; its content is shown.
    pub version: u64,
    /// The highest version there is; each change of content makes the next.
    pub latest_version: u64,
    /// Counts every change, from 1; an update names it in `If-Match`.
    pub revision: u64,
    /// Project it belongs to.
    pub project: String,
    /// Whether it is hidden from lists that do not ask for archived ones.
    pub archived: bool,
    /// Why that version was made, in its maker's words; left out where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment: Option<String>,
    /// User who made it.
    pub create_by: String,
    /// When it was made, `yyyy-MM-dd HH:mm:ss` in the server's time zone (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// When it was made, in Unix milliseconds.
    pub created_time_ms: i64,
    /// When it was last changed, `yyyy-MM-dd HH:mm:ss`.
    #[schema(example = "2026-11-02 08:15:30")]
    pub updated_time: String,
    /// When it was last changed, in Unix milliseconds.
    pub updated_time_ms: i64,
    /// How many jobs were made from it, deleted ones included.
    pub jobs_made: u64,
    /// When the last of them was made, `yyyy-MM-dd HH:mm:ss`; left out where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2026-11-02 08:15:30")]
    pub last_used_time: Option<String>,
    /// When the last of them was made, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}

/// One template, and whether a job could be made from it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateDetail {
    /// The template.
    #[serde(flatten)]
    pub record: TemplateRecord,
    /// Whether it lacks nothing that a job needs.
    pub runnable: bool,
    /// What it still lacks, and what looks odd in it.
    pub warnings: Vec<Notice>,
    /// What the jobs that were made from it came to.
    pub usage: version::Usage,
}

/// What an update answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateUpdated {
    /// The version now; the same as before where the content is equal.
    pub version: u64,
    /// The revision now, for the next `If-Match`.
    pub revision: u64,
}
