//! The template that is saved from a job.
//!
//! It has the fields that the job's template or request set, without defaults and product sizes. Resolved again, it gives
//! the same spec.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{document::Document, job::Job, merge::Source, path};

/// The fields of a job's spec that its template or its request set, as the body of a template.
///
/// Values from a default or a product are left out, so that the new template follows later changes of both.
pub fn body_of_job(job: &Job) -> Document {
    let filled_in = [Source::Default.to_string(), Source::Product.to_string()];
    let is_set = |path: &str| job.provenance.get(path).is_none_or(|source| !filled_in.contains(source));
    set_fields("", &job.document, &is_set)
}

fn set_fields(base: &str, members: &Map<String, Value>, is_set: &dyn Fn(&str) -> bool) -> Document {
    let mut kept = Document::new();
    for (key, value) in members {
        let at = path::member(base, key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let inner = set_fields(&at, inner, is_set);
                if !inner.is_empty() {
                    kept.insert(key.clone(), Value::Object(inner));
                }
            }
            value if is_set(&at) => {
                kept.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    kept
}
