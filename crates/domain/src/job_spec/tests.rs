//! The checks of a body, and the resolution of a merged document.

mod body;
mod field;
mod free_form;
mod hostile;
mod mounts;
mod numbers;
mod prepare;
mod template_rules;
mod warnings;
mod worker_size;

use serde_json::Value;

use super::{Mode, check_document};
use crate::{
    document::Document,
    fault::Faults,
    samples::{lines, object},
};

/// Checks a body in a mode: the document that is kept, and `path code` of every fault.
fn checked(body: Value, mode: Mode) -> (Document, Vec<String>) {
    let mut faults = Faults::default();
    let kept = check_document(&object(body), mode, &["name"], &mut faults);
    (kept, lines(&faults.into_vec()))
}

/// Expects that a template's body has no fault and that this document is kept.
#[track_caller]
fn check_kept(body: Value, kept: Value) {
    assert_eq!(checked(body, Mode::Template), (object(kept), Vec::new()));
}

/// Expects these faults of a template's body.
#[track_caller]
fn check_faults(body: Value, faults: &[&str]) {
    assert_eq!(checked(body, Mode::Template).1, faults);
}
