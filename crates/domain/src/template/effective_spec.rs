//! The effective spec of a request over a template: the spec, its problems, and the changes that the request makes.
//!
//! The preview, the creation of a job and the template's detail call this one function, so their results agree.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::request::{apply_request, check_product_locks};
use crate::{
    document::{Change, Document, changes},
    fault::Fault,
    job_spec::{Centre, Prepared, prepare},
    merge::Source,
    path,
};

/// The base of a job: a version of a template, or an empty document.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The content of the version; empty without a template.
    pub content: &'a Document,
    /// The source of the content's leaves, for the provenance.
    pub source: &'a Source,
    /// The creator of the version, for refusals.
    pub author: &'a str,
}

/// The part of a request that applies to its base.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The overrides: a checked document in which `null` removes a field.
    pub overrides: &'a Document,
    /// Values for the template's parameters by name.
    pub values: &'a Map<String, Value>,
}

/// The effective spec of a request over its base.
#[derive(Clone, Debug)]
pub struct EffectiveSpec {
    /// The parts of the request that the template's rules refuse.
    pub refusals: Vec<Fault>,
    /// The changes that the request makes to the template's spec, without defaults.
    pub changes: Vec<Change>,
    /// The spec with defaults, its problems and warnings.
    pub prepared: Prepared,
}

impl EffectiveSpec {
    /// Everything that prevents the creation of a job; empty exactly if a job can be created.
    pub fn problems(&self) -> Vec<Fault> {
        let mut all = self.refusals.clone();
        all.extend(not_reported_yet(&self.refusals, &self.prepared.problems));
        all
    }
}

/// Merges a request over its base and judges the result against these centres.
pub fn effective_spec(base: Base<'_>, request: Request<'_>, centres: &[Centre]) -> EffectiveSpec {
    let Base { content, source, author } = base;
    let nothing = Document::new();
    let (alone, _) = apply_request(content, source, author, &nothing, &nothing);
    let (merged, mut refusals) = apply_request(content, source, author, request.overrides, request.values);
    let changes = changes(&alone.document, &merged.document);
    let prepared = prepare(merged, centres);
    if content.contains_key("locked") && !changes.is_empty() {
        let before = prepare(alone, centres);
        let filled = check_product_locks(content, (source, author), &before, &prepared);
        refusals.extend(not_reported_yet(&refusals.clone(), &filled));
    }
    EffectiveSpec { refusals, changes, prepared }
}

/// The further faults at paths that `reported` does not cover: a field with a faulty value must not be reported as
/// missing too.
pub fn not_reported_yet<'f>(reported: &[Fault], further: &'f [Fault]) -> impl Iterator<Item = Fault> + use<'f> {
    let mut paths: Vec<String> = reported.iter().map(|fault| fault.path.clone()).collect();
    if paths.iter().any(|path| path == "timeoutSeconds") {
        // Either field sets the limit, so after a faulty `timeoutSeconds` the other field must not be reported as
        // missing.
        paths.push("timeoutHours".to_owned());
    }
    let near = |a: &str, b: &str| path::is_within(a, b) || path::is_within(b, a);
    further.iter().filter(move |fault| !paths.iter().any(|path| near(path, &fault.path))).cloned()
}
