//! What a request over a template comes to: the effective spec, its problems, and what the request changes. The preview,
//! the creation of a job and the template's detail ask this one function, so they never disagree.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::request::{apply_request, check_filled_locks};
use crate::{
    document::{Change, Document, changes},
    fault::Fault,
    job_spec::{Centre, Prepared, prepare},
    merge::Source,
    path,
};

/// What a job is to be made from: a version of a template, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// What it says; empty where there is no template.
    pub content: &'a Document,
    /// What its leaves are called in the provenance.
    pub source: &'a Source,
    /// Who made that version, for refusals.
    pub author: &'a str,
}

/// What a job asks for beside its base.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The overrides; a checked document in which `null` unsets.
    pub overrides: &'a Document,
    /// Values of the template's parameters by name.
    pub values: &'a Map<String, Value>,
}

/// The outcome.
#[derive(Clone, Debug)]
pub struct Effective {
    /// What the template's rules refuse in the request.
    pub refusals: Vec<Fault>,
    /// What the request changes of what the template alone would come to, defaults aside.
    pub changes: Vec<Change>,
    /// The spec with defaults filled in, and what is to be said about it.
    pub prepared: Prepared,
}

impl Effective {
    /// Everything that keeps a job from being made; empty exactly where one can be.
    pub fn problems(&self) -> Vec<Fault> {
        let mut all = self.refusals.clone();
        all.extend(not_said_yet(&self.refusals, &self.prepared.problems));
        all
    }
}

/// Works out what a request over a base comes to on these centres.
pub fn effective(base: Base<'_>, request: Request<'_>, centres: &[Centre]) -> Effective {
    let Base { content, source, author } = base;
    let nothing = Document::new();
    let (alone, _) = apply_request(content, source, author, &nothing, &nothing);
    let (merged, mut refusals) = apply_request(content, source, author, request.overrides, request.values);
    let changes = changes(&alone.document, &merged.document);
    let prepared = prepare(merged, centres);
    if content.contains_key("locked") && !changes.is_empty() {
        let before = prepare(alone, centres);
        let filled = check_filled_locks(content, (source, author), &before, &prepared);
        refusals.extend(not_said_yet(&refusals.clone(), &filled));
    }
    Effective { refusals, changes, prepared }
}

/// Those of some further faults that are at other places: what is missing because it was faulty is no second fault.
pub fn not_said_yet<'f>(said: &[Fault], further: &'f [Fault]) -> impl Iterator<Item = Fault> + use<'f> {
    let mut paths: Vec<String> = said.iter().map(|fault| fault.path.clone()).collect();
    if paths.iter().any(|path| path == "timeoutSeconds") {
        // Either will do, so who gave one that is faulty does not lack the other.
        paths.push("timeoutHours".to_owned());
    }
    let near = |a: &str, b: &str| path::is_within(a, b) || path::is_within(b, a);
    further.iter().filter(move |fault| !paths.iter().any(|path| near(path, &fault.path))).cloned()
}
