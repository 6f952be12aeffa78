//! Bodies of the calls that export a template as text and create a template from text.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::TemplateBody;

/// How to write a template down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// As what; by default YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub format: Option<ExportFormat>,
    /// Which version; by default the default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub version: Option<u32>,
}

/// A form in which templates are written down.
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

/// A template, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// What the form cannot carry, and what to look at before using it.
    pub notes: Vec<String>,
}

/// A text to make a template of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateImport {
    /// The text: a template as YAML or JSON, an sbatch script, a PyTorchJob or a TrainJob of Kubeflow.
    #[schema(example = "#!/bin/bash\n#SBATCH --job-name=digits\n#SBATCH --nodes=2\npython train.py\n")]
    pub text: String,
    /// What it is; by default that is seen from the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImportFormat>,
    /// Name of the template; by default the one in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$"
    )]
    pub name: Option<String>,
    /// Whether only to show what would be made; by default not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A form that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportFormat {
    /// YAML of ours.
    Yaml,
    /// JSON of ours.
    Json,
    /// A script for Slurm's `sbatch`.
    Sbatch,
    /// A PyTorchJob or a TrainJob.
    Kubeflow,
}

/// What became of a text. The new template's detail is in `Location`, unless it was a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// The template that was made, or would be.
    pub template: ImportedTemplate,
    /// Everything in the text that has no place in a template.
    pub unmapped: Vec<Unmapped>,
}

/// A template that was made of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedTemplate {
    /// Its id; left out in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "tpl_6f1a62c0a5bf4e0c9b2f")]
    pub id: Option<String>,
    /// Its fields.
    #[serde(flatten)]
    pub body: TemplateBody,
}

/// Something of a text that has no place in a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmapped {
    /// Where it stands in the text.
    #[schema(example = "#SBATCH --qos")]
    pub path: String,
    /// What stands there.
    pub value: String,
    /// Why it was left out, and what to do where that matters.
    pub why: String,
}
