//! Moving of templates: a document written as YAML, JSON or a Slurm batch script, and read from these or from a
//! Kubeflow manifest.
//!
//! Nothing is dropped silently: what a target cannot carry stands in the notes, what a source says and a template
//! cannot say is listed as unmapped. Texts in, texts out; nothing here knows a file or a server.

mod kubeflow;
mod ledger;
mod sbatch;
mod shell;
mod structured;
#[cfg(test)]
mod tests;
mod unmapped;

use serde_json::{Map, Value};
use trainyard_domain::{
    document::Document,
    fault::{Fault, FaultCode},
    job_spec::SERVER_FIELDS,
    json,
};

pub use structured::read_yaml;
pub use unmapped::{MOST_UNMAPPED, Unmapped};

/// A format of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Trainyard's own fields as YAML.
    Yaml,
    /// Trainyard's own fields as JSON.
    Json,
    /// A batch script for Slurm.
    Sbatch,
    /// A PyTorchJob or TrainJob manifest of Kubeflow, in YAML or JSON; only imported.
    Kubeflow,
}

impl Format {
    /// The words of all formats, as the API and the command line spell them.
    pub const WORDS: &'static [&'static str] = &["yaml", "json", "sbatch", "kubeflow"];
    /// The words of the formats that can be exported.
    pub const EXPORTS: &'static [&'static str] = &["yaml", "json", "sbatch"];

    /// The format with this word; words are lower case.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "yaml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "sbatch" => Some(Self::Sbatch),
            "kubeflow" => Some(Self::Kubeflow),
            _ => None,
        }
    }

    /// The word that [`Format::parse`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Sbatch => "sbatch",
            Self::Kubeflow => "kubeflow",
        }
    }
}

/// The most bytes of a text that is read.
pub const MOST_BYTES: usize = 256 * 1024;

const EMPTY: &str = "is empty: a template, a batch script or a manifest is needed";

/// A template in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// What the form cannot carry or carries otherwise: a sentence each, beginning with the path.
    pub notes: Vec<String>,
}

/// What a text comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The form it was in.
    pub format: Format,
    /// A template's body under the published field names, with the name where the source has one; not yet judged.
    pub body: Map<String, Value>,
    /// What the source says and the body does not.
    pub unmapped: Vec<Unmapped>,
}

/// Writes a template's document, its name among the fields; `None` for a form that is only read.
pub fn export(document: &Document, format: Format) -> Option<Exported> {
    let plain = |text| Exported { text, notes: Vec::new() };
    match format {
        Format::Yaml => Some(plain(structured::write_yaml(document))),
        Format::Json => Some(plain(structured::write_json(document))),
        Format::Sbatch => Some(sbatch::write(document)),
        Format::Kubeflow => None,
    }
}

/// Reads a text in a form, or in the form that it shows itself.
///
/// A Kubeflow manifest is known by its `apiVersion` and `kind` also where YAML or JSON was said. The faults name what
/// is wrong with the text as a whole; the body's own faults are found by whoever makes a template of it.
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

/// The form that a text shows: a script begins with `#!` or has directives, JSON begins with `{`, the rest is YAML.
fn shown_by(text: &str) -> Format {
    let begins_json = text.trim_start().starts_with('{');
    let is_directive = |line: &str| line.starts_with("#SBATCH");
    if text.starts_with("#!") || !begins_json && text.lines().any(is_directive) && !names_a_template(text) {
        Format::Sbatch
    } else if begins_json && json::read(text.as_bytes()).is_ok() {
        Format::Json
    } else {
        // `{a: 1}` begins like JSON and is YAML.
        Format::Yaml
    }
}

/// Whether a text with directives in it is a template whose command happens to hold them, or whose comment does.
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
        let message = "holds several documents: one import makes one template, so send them one by one";
        return Err(fault(FaultCode::OutOfRange, message));
    }
    let Value::Object(mut body) = first else {
        let message = "must be an object with a template's fields, such as `name: digits`";
        return Err(fault(FaultCode::WrongType, message));
    };
    // What the server adds to a record says nothing of the template; where it moves, it gets its own.
    body.retain(|key, _| !SERVER_FIELDS.contains(&key.as_str()));
    Ok(Imported { format, body, unmapped: Vec::new() })
}

/// A fault of the text as a whole.
fn fault(code: FaultCode, message: impl Into<String>) -> Vec<Fault> {
    vec![Fault { path: "text".to_owned(), code, message: message.into() }]
}
