//! The checks of a body, and what a merged document comes to.

mod advice;
mod body;
mod extra;
mod field;
mod free_form;
mod hostile;
mod mounts;
mod numbers;
mod prepare;
mod worker_size;

use serde_json::Value;

use super::{Mode, check_document};
use crate::{
    document::Document,
    fault::Faults,
    samples::{lines, object},
};

/// What a body comes to in a mode: what is kept, and `path code` of every fault.
fn checked(body: Value, mode: Mode) -> (Document, Vec<String>) {
    let mut faults = Faults::default();
    let kept = check_document(&object(body), mode, &["name"], &mut faults);
    (kept, lines(&faults.into_vec()))
}

/// A template's body keeps this, without a fault.
#[track_caller]
fn check_kept(body: Value, kept: Value) {
    assert_eq!(checked(body, Mode::Template), (object(kept), Vec::new()));
}

/// A template's body has these faults.
#[track_caller]
fn check_faults(body: Value, faults: &[&str]) {
    assert_eq!(checked(body, Mode::Template).1, faults);
}
