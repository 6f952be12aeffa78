//! Finding templates: filters and order of lists, and whether a name is free.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Visibility;
use crate::spec::{TrainingFramwork, TrainingType};

/// Selects and orders templates. All given filters must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TemplateListQuery {
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
    /// Words separated by white space. Each must occur in name, description or labels, also inside another word. Case and
    /// full-width forms make no difference. At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(max_length = 256, pattern = r"^[^\u0000]*$", example = "预训练 bert")]
    pub search: Option<String>,
    /// Labels separated by commas, which all must match: `key=value`, or `key` for any value. A backslash escapes a comma, an
    /// equals sign or a backslash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "team=vision,stage")]
    pub labels: Option<String>,
    /// User that created the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub create_by: Option<String>,
    /// Visibility of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub visibility: Option<Visibility>,
    /// Whether to list archived templates; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub archived: Option<Archived>,
    /// Id of the compute centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
    /// Training type of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub training_type: Option<TrainingType>,
    /// Framework of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub training_framwork: Option<TrainingFramwork>,
    /// Field to order by; a leading `-` orders descending. By default `-created`, newest first. Templates with equal values
    /// are ordered by id. With `lastUsed`, unused templates come first; with `-lastUsed`, last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<TemplateSort>,
}

/// Whether a list contains archived templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Archived {
    /// Only templates that are not archived.
    False,
    /// Only archived templates.
    True,
    /// Archived and other templates.
    All,
}

/// Order of a list of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TemplateSort {
    /// By name, ignoring case.
    #[serde(rename = "name")]
    Name,
    /// By name, descending.
    #[serde(rename = "-name")]
    NameDescending,
    /// Oldest first.
    #[serde(rename = "created")]
    Created,
    /// Newest first.
    #[serde(rename = "-created")]
    CreatedDescending,
    /// Least recently changed first.
    #[serde(rename = "updated")]
    Updated,
    /// Most recently changed first.
    #[serde(rename = "-updated")]
    UpdatedDescending,
    /// Least recently used first.
    #[serde(rename = "lastUsed")]
    LastUsed,
    /// Most recently used first.
    #[serde(rename = "-lastUsed")]
    LastUsedDescending,
    /// Fewest created jobs first.
    #[serde(rename = "jobsMade")]
    JobsMade,
    /// Most created jobs first.
    #[serde(rename = "-jobsMade")]
    JobsMadeDescending,
}

impl Archived {
    /// All words on the wire.
    pub const WORDS: &'static [&'static str] = &["false", "true", "all"];
}

impl TemplateSort {
    /// All words on the wire.
    pub const WORDS: &'static [&'static str] = &[
        "name",
        "-name",
        "created",
        "-created",
        "updated",
        "-updated",
        "lastUsed",
        "-lastUsed",
        "jobsMade",
        "-jobsMade",
    ];
}

/// A name to check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NameQuery {
    /// Name of a template.
    #[param(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "pytorch-2gpu-template"
    )]
    pub name: String,
}

/// Result of the check of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NameAvailable {
    /// Whether a template can be created with the name now.
    pub available: bool,
}
