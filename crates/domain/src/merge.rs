//! Merges a request over a template's spec: JSON Merge Patch (RFC 7396), except that the items of `storageConfigs` merge
//! by their mount path, and that a variable of `env` is replaced as a whole. Every leaf of the result gets a source.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    document::{Document, MOUNTS, collect, is_variable, mount_path},
    id::TemplateId,
    path,
};

/// The source of a leaf of an effective spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The default, because neither template nor request sets a value.
    Default,
    /// A template, by its id and version.
    Template(TemplateId, u32),
    /// The request that creates the job.
    Request,
    /// The product that the spec names.
    Product,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Template(id, version) => write!(f, "template {id} v{version}"),
            Self::Request => f.write_str("request"),
            Self::Product => f.write_str("product"),
        }
    }
}

/// The source of every leaf, by path.
pub type Provenance = BTreeMap<String, Source>;

/// A merged document and the source of each of its leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The merged spec; checks and defaults come later.
    pub document: Document,
    /// Exactly one source for each leaf.
    pub provenance: Provenance,
}

/// Applies a request to a base document; its leaves come from `base_source`.
///
/// Both must have passed `check_document`. A `null` in the patch removes the member.
pub fn merge(base: &Document, base_source: &Source, patch: &Document) -> Merged {
    let mut provenance = Provenance::new();
    let document = merge_objects("", base, patch, base_source, &mut provenance);
    Merged { document, provenance }
}

fn merge_objects(
    base_path: &str,
    base: &Document,
    patch: &Document,
    source: &Source,
    out: &mut Provenance,
) -> Document {
    let mut merged = Map::new();
    for (key, old) in base {
        let at = path::member(base_path, key);
        match patch.get(key) {
            None => {
                record_source(&at, old, source, out);
                merged.insert(key.clone(), old.clone());
            }
            Some(Value::Null) => {}
            Some(new) => {
                merged.insert(key.clone(), merge_values(&at, old, new, source, out));
            }
        }
    }
    for (key, new) in patch.iter().filter(|(key, value)| !base.contains_key(*key) && !value.is_null()) {
        let at = path::member(base_path, key);
        let nothing = if new.is_array() { Value::Array(Vec::new()) } else { Value::Null };
        // The base has no such member, so even an empty container comes from the request.
        let value = merge_values(&at, &nothing, new, &Source::Request, out);
        merged.insert(key.clone(), value);
    }
    merged
}

fn merge_values(at: &str, old: &Value, new: &Value, source: &Source, out: &mut Provenance) -> Value {
    match (old, new) {
        (Value::Array(old), Value::Array(new)) if at == MOUNTS => merge_mounts(old, new, source, out),
        // A variable is replaced as a whole: half a reference to a secret would name none.
        _ if is_variable(at) => {
            record_source(at, new, &Source::Request, out);
            new.clone()
        }
        (Value::Object(old), Value::Object(new)) => {
            let merged = merge_objects(at, old, new, source, out);
            if merged.is_empty() {
                out.insert(at.to_owned(), source_of_empty(old.is_empty(), source));
            }
            Value::Object(merged)
        }
        // RFC 7396: an object over any other value patches an empty object, so its nulls disappear.
        (_, Value::Object(new)) => {
            let merged = merge_objects(at, &Map::new(), new, &Source::Request, out);
            if merged.is_empty() {
                out.insert(at.to_owned(), Source::Request);
            }
            Value::Object(merged)
        }
        _ => {
            record_source(at, new, &Source::Request, out);
            new.clone()
        }
    }
}

fn merge_mounts(old: &[Value], new: &[Value], source: &Source, out: &mut Provenance) -> Value {
    let is_removal = |item: &Value| item.get("remove") == Some(&Value::Bool(true));
    let mut merged: Vec<(Value, &Source)> = Vec::with_capacity(old.len() + new.len());
    for item in old {
        match new.iter().find(|patch| mount_path(patch) == mount_path(item)) {
            None => merged.push((item.clone(), source)),
            Some(patch) if is_removal(patch) => {}
            Some(patch) => merged.push((without_remove(patch), &Source::Request)),
        }
    }
    for patch in new.iter().filter(|patch| !is_removal(patch)) {
        if !old.iter().any(|item| mount_path(item) == mount_path(patch)) {
            merged.push((without_remove(patch), &Source::Request));
        }
    }
    if merged.is_empty() {
        out.insert(MOUNTS.to_owned(), source_of_empty(old.is_empty(), source));
    }
    for (item, source) in &merged {
        record_source(&mount_path(item), item, source, out);
    }
    Value::Array(merged.into_iter().map(|(item, _)| item).collect())
}

/// The source of an object or list that is empty after the merge: the request, unless it was empty before.
fn source_of_empty(was_empty: bool, source: &Source) -> Source {
    if was_empty { source.clone() } else { Source::Request }
}

/// A mount without `remove`, which is an instruction of the request and no property of the mount.
fn without_remove(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(object) = item.as_object_mut() {
        object.shift_remove("remove");
    }
    item
}

fn record_source(at: &str, value: &Value, source: &Source, out: &mut Provenance) {
    collect(at, value, &mut |path, _| {
        out.insert(path.to_owned(), source.clone());
    });
}
