//! Finding templates: what a list lets through, its order, and whether a name is free.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Visibility;
use crate::spec::{TrainingFramwork, TrainingType};

/// Which templates to list, and in which order; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TemplateListQuery {
    /// Which page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows on a page: 1 to 100, by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
    /// Part of the name; `%` and `_` stand for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub name: Option<String>,
    /// Words, parted by white space, that all stand somewhere in name, description or labels, be it inside another word.
    /// Capital letters count as small ones, full-width characters as ordinary ones. At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(max_length = 256, pattern = r"^[^\u0000]*$", example = "预训练 bert")]
    pub search: Option<String>,
    /// Labels that are all there, parted by commas: `key=value`, or `key` alone whatever its value. A backslash makes a
    /// comma, an equals sign or a backslash behind it an ordinary character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "team=vision,stage")]
    pub labels: Option<String>,
    /// User who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(pattern = r"^[^\u0000]*$")]
    pub create_by: Option<String>,
    /// Who sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub visibility: Option<Visibility>,
    /// What becomes of archived ones; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub archived: Option<Archived>,
    /// Compute centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aidc_id: Option<i64>,
    /// Kind of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub training_type: Option<TrainingType>,
    /// Framework.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub training_framwork: Option<TrainingFramwork>,
    /// By what to order, with a `-` from the greatest to the least; by default `-created`, the newest first. What counts
    /// the same is ordered by id. What was never used comes before all that was, and with `-lastUsed` behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<TemplateSort>,
}

/// What becomes of archived templates in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Archived {
    /// They are left out.
    False,
    /// Only they are listed.
    True,
    /// They are listed with the others.
    All,
}

/// The order of a list of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TemplateSort {
    /// By name, without regard to capital letters.
    #[serde(rename = "name")]
    Name,
    /// By name, from the end.
    #[serde(rename = "-name")]
    NameDescending,
    /// The oldest first.
    #[serde(rename = "created")]
    Created,
    /// The newest first.
    #[serde(rename = "-created")]
    CreatedDescending,
    /// The longest unchanged first.
    #[serde(rename = "updated")]
    Updated,
    /// The last changed first.
    #[serde(rename = "-updated")]
    UpdatedDescending,
    /// The longest unused first.
    #[serde(rename = "lastUsed")]
    LastUsed,
    /// The last used first.
    #[serde(rename = "-lastUsed")]
    LastUsedDescending,
    /// The one with the fewest jobs first.
    #[serde(rename = "jobsMade")]
    JobsMade,
    /// The one with the most jobs first.
    #[serde(rename = "-jobsMade")]
    JobsMadeDescending,
}

impl Archived {
    /// Every word on the wire.
    pub const WORDS: &'static [&'static str] = &["false", "true", "all"];
}

impl TemplateSort {
    /// Every word on the wire.
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

/// A name to ask about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NameQuery {
    /// The name.
    #[param(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "pytorch-2gpu-template"
    )]
    pub name: String,
}

/// Whether a name is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NameAvailable {
    /// Whether a template could be saved under the name now.
    pub available: bool,
}
