//! The document form of a spec: the JSON object under the published field names, with values as they were sent.
//!
//! Templates store it, requests patch it (`merge`), and paths (`path`) point to its leaves. This file lists the leaves
//! and compares two documents; whether a value is valid is decided in `job_spec`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::path;

/// A spec as a JSON object under the published field names.
pub type Document = Map<String, Value>;

/// The list that merges by the mount path of its items.
pub(crate) const MOUNTS: &str = "storageConfigs";
/// The object whose members are leaves: a variable that names a secret has one value, although that is an object.
const VARIABLES: &str = "env";
/// The list whose items are identified by their names.
const PARAMETERS: &str = "parameters";

/// The leaves of a document with their paths: scalars, empty containers, variables, and lists. A mount is addressed by its mount path,
/// a parameter by its name.
pub fn leaves(document: &Document) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in document {
        collect(&path::member("", key), value, &mut |path, value| found.push((path.to_owned(), value.clone())));
    }
    found
}

/// One difference between two documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The path of the leaf.
    pub path: String,
    /// The value before; `None` if the leaf was missing.
    pub from: Option<Value>,
    /// The value after; `None` if the leaf is missing.
    pub to: Option<Value>,
}

/// The differences between two documents, leaf by leaf, ordered by path.
pub fn changes(before: &Document, after: &Document) -> Vec<Change> {
    let mut pairs: BTreeMap<String, (Option<Value>, Option<Value>)> = BTreeMap::new();
    for (path, value) in leaves(before) {
        pairs.entry(path).or_default().0 = Some(value);
    }
    for (path, value) in leaves(after) {
        pairs.entry(path).or_default().1 = Some(value);
    }
    let differ = pairs.into_iter().filter(|(_, (from, to))| from != to);
    differ.map(|(path, (from, to))| Change { path, from, to }).collect()
}

/// Calls `each` with every leaf of a value at the path `at`.
pub(crate) fn collect(at: &str, value: &Value, each: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) if !members.is_empty() && !is_variable(at) => {
            for (key, value) in members {
                collect(&path::member(at, key), value, each);
            }
        }
        Value::Array(items) if at == MOUNTS && !items.is_empty() => {
            for item in items {
                collect(&mount_path(item), item, each);
            }
        }
        Value::Array(items) if at == PARAMETERS && !items.is_empty() && items.iter().all(is_named) => {
            for item in items {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
                collect(&path::keyed(PARAMETERS, name), item, each);
            }
        }
        _ => each(at, value),
    }
}

/// Whether a path names a variable of `env`, which is a leaf whatever its value is.
pub(crate) fn is_variable(at: &str) -> bool {
    at != VARIABLES && path::is_within(at, VARIABLES)
}

/// The path of an item of `storageConfigs`.
pub(crate) fn mount_path(item: &Value) -> String {
    item.as_object().map(path::mount).unwrap_or_default()
}

fn is_named(item: &Value) -> bool {
    item.get("name").is_some_and(Value::is_string)
}
