//! Bodies of the calls that export a template as text and create a template from text.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::TemplateBody;

/// Selects the format and the version to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Format of the text; by default `yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub format: Option<ExportFormat>,
    /// Version to export; by default the default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub version: Option<u32>,
}

/// Format of an exported template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// YAML with every field as it was sent.
    Yaml,
    /// JSON with every field as it was sent.
    Json,
    /// A script for Slurm's `sbatch`.
    Sbatch,
}

/// An exported template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exported {
    /// The template as text.
    pub text: String,
    /// Settings that the format cannot express, and points to check before use.
    pub notes: Vec<String>,
}

/// A text to import as a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateImport {
    /// The text: a template as YAML or JSON, an sbatch script, or a Kubeflow PyTorchJob or TrainJob.
    #[schema(example = "#!/bin/bash\n#SBATCH --job-name=digits\n#SBATCH --nodes=2\npython train.py\n")]
    pub text: String,
    /// Format of the text; by default detected from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImportFormat>,
    /// Name of the template; by default the name in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
    )]
    pub name: Option<String>,
    /// Whether to return the template without creating it; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// Format of a text to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportFormat {
    /// Trainyard YAML, as an export has it.
    Yaml,
    /// Trainyard JSON, as an export has it.
    Json,
    /// A script for Slurm's `sbatch`.
    Sbatch,
    /// A Kubeflow PyTorchJob or TrainJob.
    Kubeflow,
}

/// Result of an import. `Location` has the path of the new template, except in a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// The created template, or in a dry run the template that the call would create.
    pub template: ImportedTemplate,
    /// All parts of the text that a template cannot express.
    pub unmapped: Vec<Unmapped>,
}

/// The template of an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedTemplate {
    /// Id of the template; left out in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: Option<String>,
    /// Fields of the template.
    #[serde(flatten)]
    pub body: TemplateBody,
}

/// A part of an imported text that a template cannot express.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmapped {
    /// Place in the text: a path, or the option of a script.
    #[schema(example = "#SBATCH --qos")]
    pub path: String,
    /// Value at this place.
    pub value: String,
    /// Reason why the value was left out, and what to do instead.
    pub why: String,
}
