//! Imports manifests of Kubeflow: a PyTorchJob, or a TrainJob of the newer trainer.
//!
//! A manifest has far more fields than a template. The ledger covers the whole manifest and lists every value that is not
//! translated, even fields that this code does not know.

mod command;
mod container;
mod pytorch_job;
mod quantity;
mod reason;
mod train_job;

use serde_json::{Map, Value};
use trainyard_domain::{
    fault::{Fault, FaultCode},
    job_spec::TIMEOUT_SECONDS_BOUNDS,
};

use crate::{
    Format, Imported, fault,
    ledger::{Ledger, Node},
    unmapped::Listing,
};

/// A manifest that is being read: the template's body so far, and the ledger of the manifest.
#[derive(Default)]
struct Reading {
    body: Map<String, Value>,
    ledger: Ledger,
}

impl Reading {
    /// Sets a field from a value of the manifest, and marks the value as translated.
    fn set_from(&mut self, field: &str, value: impl Into<Value>, node: &Node<'_>) {
        self.body.insert(field.to_owned(), value.into());
        self.ledger.mark_translated(node);
    }

    /// Sets a member of `resource` from a value of the manifest, and marks the value as translated.
    fn set_size_from(&mut self, key: &str, value: impl Into<Value>, node: &Node<'_>) {
        self.set_size(key, value);
        self.ledger.mark_translated(node);
    }

    fn set_size(&mut self, key: &str, value: impl Into<Value>) {
        let resource = self.body.entry("resource").or_insert_with(|| Value::Object(Map::new()));
        if let Some(resource) = resource.as_object_mut() {
            resource.insert(key.to_owned(), value.into());
        }
    }

    /// Sets the time limit in seconds, if the value is in a template's range.
    fn set_timeout_from(&mut self, node: &Node<'_>) {
        if let Some(seconds) = node.value.as_u64().filter(|seconds| TIMEOUT_SECONDS_BOUNDS.contains(*seconds)) {
            self.body.insert("enableTimeoutCancel".to_owned(), Value::Bool(true));
            self.set_from("timeoutSeconds", seconds, node);
        } else {
            self.ledger.explain(node, "a time limit is 1 second to 8,760 hours; set `timeoutSeconds`");
        }
    }
}

/// Whether a value has the marks of a Kubernetes manifest: `apiVersion` and `kind`.
pub(super) fn is_manifest(value: &Value) -> bool {
    value.get("apiVersion").is_some() && value.get("kind").is_some()
}

/// The kinds of manifests that can be imported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    PyTorchJob,
    TrainJob,
}

fn kind(manifest: &Value) -> Option<Kind> {
    let word = |key: &str| manifest.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = word("apiVersion").split('/').next().unwrap_or_default();
    match (group, word("kind")) {
        ("kubeflow.org", "PyTorchJob") => Some(Kind::PyTorchJob),
        ("trainer.kubeflow.org" | "kubeflow.org", "TrainJob") => Some(Kind::TrainJob),
        _ => None,
    }
}

/// Reads the only training job among these documents, and lists the others as a whole.
pub(super) fn read(documents: Vec<Value>) -> Result<Imported, Vec<Fault>> {
    let jobs = documents.iter().filter(|document| kind(document).is_some()).count();
    if jobs != 1 {
        return Err(fault(FaultCode::NotSupported, refusal(&documents, jobs)));
    }
    let mut listing = Listing::default();
    let mut reading = Reading::default();
    let alone = documents.len() == 1;
    for (index, document) in documents.iter().enumerate() {
        let base = if alone { String::new() } else { format!("documents[{index}]") };
        let root = Node::root(&base, document);
        let Some(kind) = kind(document) else {
            listing.add(base, &called(document), "is not a training job; only a training job becomes a template");
            continue;
        };
        for key in ["apiVersion", "kind"] {
            root.get(key).iter().for_each(|node| reading.ledger.mark_translated(node));
        }
        root.get("metadata").iter().for_each(|node| read_metadata(node, &mut reading));
        if let Some(spec) = root.get("spec") {
            match kind {
                Kind::PyTorchJob => pytorch_job::read(&spec, &mut reading),
                Kind::TrainJob => train_job::read(&spec, &mut reading),
            }
        }
        reading.ledger.list_rest(&root, &reason::of, &mut listing);
    }
    Ok(Imported { format: Format::Kubeflow, body: reading.body, unmapped: listing.into_vec() })
}

/// Reads `metadata`: `name` or `generateName`, and `labels`.
fn read_metadata(metadata: &Node<'_>, out: &mut Reading) {
    if let Some(name) = metadata.get("name") {
        if let Some(text) = name.text() {
            out.set_from("name", text, &name);
        }
    } else if let Some(start) = metadata.get("generateName")
        && let Some(text) = start.text()
    {
        out.set_from("name", text.trim_end_matches('-'), &start);
        out.ledger.explain(&start, "a template has a fixed name; the beginning is used as the name");
    }
    let Some(labels) = metadata.get("labels") else {
        return;
    };
    let mut kept = Map::new();
    for (key, node) in labels.members() {
        if let Some(text) = node.text() {
            kept.insert(key.to_owned(), Value::from(text));
            out.ledger.mark_translated(&node);
        }
    }
    if !kept.is_empty() {
        out.body.insert("labels".to_owned(), Value::Object(kept));
    }
}

fn refusal(documents: &[Value], jobs: usize) -> String {
    if jobs > 1 {
        return format!("holds {jobs} training jobs; one import creates one template, so send them one by one");
    }
    let found: Vec<String> = documents.iter().take(5).map(called).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    format!(
        "holds {found}; a manifest must be a PyTorchJob (apiVersion kubeflow.org/v1) or a TrainJob (apiVersion \
         trainer.kubeflow.org/v1alpha1)"
    )
}

/// The API version, kind and name of a document, each cut after 100 characters.
fn called(document: &Value) -> String {
    let word =
        |key: &str| document.get(key).and_then(Value::as_str).unwrap_or("-").chars().take(100).collect::<String>();
    let name = document.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    let name = name.map(|name| format!(" {}", name.chars().take(100).collect::<String>())).unwrap_or_default();
    format!("{} {}{name}", word("apiVersion"), word("kind"))
}
