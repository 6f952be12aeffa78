//! Bodies of the calls that create a template from another template or from a job.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Visibility;

/// A copy to make.
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
    /// Which version to copy; by default the default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4294967295_i64)]
    pub version: Option<u64>,
    /// Who sees the copy; by default the project, whoever sees the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}

/// A template to make from a job.
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
    /// Who sees it; by default the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}
