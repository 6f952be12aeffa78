//! Bodies of the calls that create a template from another template or from a job.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Visibility;

/// Request for a copy of a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateCopy {
    /// Name of the copy, unique within the caller's project.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "pytorch-2gpu-template, my own"
    )]
    pub name: String,
    /// Version to copy; by default the default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub version: Option<u64>,
    /// Visibility of the copy; by default `project`, whatever the visibility of the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}

/// Request to save the settings of a job as a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveAsTemplate {
    /// Name of the template, unique within the caller's project.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "digits, as it worked"
    )]
    pub name: String,
    /// Visibility of the template; by default `project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}
