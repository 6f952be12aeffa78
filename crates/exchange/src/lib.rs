//! Import and export of templates: YAML, JSON and Slurm batch scripts both ways, Kubeflow manifests only in.
//!
//! Nothing is dropped silently. An export notes every value that the format cannot express, and an import lists every value
//! that a template cannot express. The crate turns text into text: it reads no file and knows no server.

mod kubeflow;
mod ledger;
mod sbatch;
mod secrets;
mod shell;
mod structured;
#[cfg(test)]
mod tests;
mod unmapped;

use serde_json::{Map, Value};
use trainyard_domain::{
    choice,
    document::Document,
    fault::{Fault, FaultCode},
    job_spec::SERVER_FIELDS,
    json,
};

pub use structured::read_yaml;
pub use unmapped::{MOST_UNMAPPED, Unmapped};

choice!(
    /// A format of templates, by the word of the API and the command line.
    Format {
        /// Trainyard's own fields as YAML.
        Yaml = "yaml",
        /// Trainyard's own fields as JSON.
        Json = "json",
        /// A batch script for Slurm.
        Sbatch = "sbatch",
        /// A PyTorchJob or TrainJob manifest of Kubeflow, in YAML or JSON; only imported.
        Kubeflow = "kubeflow",
    }
);

impl Format {
    /// The words of the formats that can be exported.
    pub const EXPORTS: &'static [&'static str] = &["yaml", "json", "sbatch"];
}

/// The maximum number of bytes of a text that an import reads.
pub const MOST_BYTES: usize = 256 * 1024;

const EMPTY: &str = "is empty; send a template, a batch script or a manifest";

/// A template in another format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The whole file, with a newline at its end.
    pub text: String,
    /// What the format cannot express or expresses differently: one sentence each, after the path of the field.
    pub notes: Vec<String>,
}

/// The result of reading a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The format that the text was in.
    pub format: Format,
    /// A template's body under the published field names, with `name` if the source has one. Not checked yet.
    pub body: Map<String, Value>,
    /// Every value of the source that is not in the body.
    pub unmapped: Vec<Unmapped>,
}

/// Writes a template's document, which includes its name. `None` for a format that is only imported.
pub fn export(document: &Document, format: Format) -> Option<Exported> {
    let plain = |text| Exported { text, notes: secrets::kept(document) };
    match format {
        Format::Yaml => Some(plain(structured::write_yaml(document))),
        Format::Json => Some(plain(structured::write_json(document))),
        Format::Sbatch => Some(sbatch::write(document)),
        Format::Kubeflow => None,
    }
}

/// Reads a text in the given format, or in the format that the text itself shows.
///
/// A Kubeflow manifest is recognised by its `apiVersion` and `kind` even if `format` says YAML or JSON.
///
/// # Errors
/// What is wrong with the text as a whole. Faults of the body are found when a template is created from it.
pub fn import(text: &str, format: Option<Format>) -> Result<Imported, Vec<Fault>> {
    if text.len() > MOST_BYTES {
        return Err(fault(FaultCode::OutOfRange, format!("must have at most {} KiB", MOST_BYTES / 1024)));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(fault(FaultCode::Required, EMPTY));
    }
    match format.unwrap_or_else(|| shown_by(text)) {
        Format::Sbatch => sbatch::read(text),
        Format::Json => from_documents(json::read(text.as_bytes()).map(|value| vec![value]), Format::Json),
        Format::Yaml => from_documents(structured::read_yaml(text), Format::Yaml),
        Format::Kubeflow => from_documents(structured::read_yaml(text), Format::Kubeflow),
    }
}

/// The format that a text shows: a script starts with `#!` or has directives, JSON starts with `{`, the rest is YAML.
fn shown_by(text: &str) -> Format {
    let starts_as_json = text.trim_start().starts_with('{');
    let is_directive = |line: &str| line.starts_with("#SBATCH");
    if text.starts_with("#!") || !starts_as_json && text.lines().any(is_directive) && !names_a_template(text) {
        Format::Sbatch
    } else if starts_as_json && json::read(text.as_bytes()).is_ok() {
        Format::Json
    } else {
        // `{a: 1}` starts like JSON and is YAML.
        Format::Yaml
    }
}

/// Whether a text with directives is YAML after all: a template with such lines in its command or its comments.
fn names_a_template(text: &str) -> bool {
    let documents = structured::read_yaml(text).unwrap_or_default();
    documents.first().is_some_and(Value::is_object)
}

fn from_documents(documents: Result<Vec<Value>, String>, format: Format) -> Result<Imported, Vec<Fault>> {
    let documents = documents.map_err(|why| fault(FaultCode::Malformed, why))?;
    if format == Format::Kubeflow || documents.iter().any(kubeflow::is_manifest) {
        return kubeflow::read(documents);
    }
    let mut documents = documents.into_iter();
    let Some(first) = documents.next() else {
        return Err(fault(FaultCode::Required, EMPTY));
    };
    if documents.next().is_some() {
        let message = "holds several documents; one import creates one template, so send them one by one";
        return Err(fault(FaultCode::OutOfRange, message));
    }
    let Value::Object(mut body) = first else {
        let message = "must be an object with the fields of a template, such as `name: digits`";
        return Err(fault(FaultCode::WrongType, message));
    };
    // The server adds these fields to a record; the server that imports the template adds its own.
    body.retain(|key, _| !SERVER_FIELDS.contains(&key.as_str()));
    Ok(Imported { format, body, unmapped: Vec::new() })
}

/// One fault of the text as a whole, which requests send as `text`.
fn fault(code: FaultCode, message: impl Into<String>) -> Vec<Fault> {
    vec![Fault { path: "text".to_owned(), code, message: message.into() }]
}
