//! What a job was asked to be, as the body of a template.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::{document::Document, job::Job, merge::Source, path};

/// The fields of a job's spec that somebody said: what a default or a product filled in is left to them again, so that
/// the template follows them as the job's own template does.
pub fn body_of_job(job: &Job) -> Document {
    let filled_in = [Source::Default.to_string(), Source::Product.to_string()];
    let is_said = |path: &str| job.provenance.get(path).is_none_or(|source| !filled_in.contains(source));
    said("", &job.document, &is_said)
}

fn said(base: &str, members: &Map<String, Value>, is_said: &dyn Fn(&str) -> bool) -> Document {
    let mut kept = Document::new();
    for (key, value) in members {
        let at = path::member(base, key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let inner = said(&at, inner, is_said);
                if !inner.is_empty() {
                    kept.insert(key.clone(), Value::Object(inner));
                }
            }
            value if is_said(&at) => {
                kept.insert(key.clone(), value.clone());
            }
            _ => {}
        }
    }
    kept
}
