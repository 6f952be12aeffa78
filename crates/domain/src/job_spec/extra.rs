//! Checks of the fields that only templates carry: labels, visibility, parameters, locks, required fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    check::{Checker, Mode},
    field::field_names,
    free_form::holds_nul,
};
use crate::{
    access::Visibility,
    fault::{FaultCode, did_you_mean},
    path,
    text::check_free_text,
};

const MAX_LABELS: usize = 64;
const MAX_PARAMETERS: usize = 64;
const MAX_PATHS: usize = 256;
const PARAMETER_KEYS: &[&str] =
    &["name", "type", "default", "required", "minimum", "maximum", "choices", "description"];

/// Checks one field of this file.
pub(super) fn check(checker: &mut Checker<'_>, key: &str, value: &Value) -> Option<Value> {
    match key {
        "labels" => labels(checker, key, value),
        "visibility" => checker.choice(key, value, Visibility::WORDS),
        "parameters" => parameters(checker, key, value),
        _ => paths(checker, key, value),
    }
}

fn labels(checker: &mut Checker<'_>, base: &str, value: &Value) -> Option<Value> {
    let object = checker.object(base, value)?;
    if object.len() > MAX_LABELS {
        let message = format!("must have at most {MAX_LABELS} labels");
        checker.faults.add(base, FaultCode::OutOfRange, message);
        return None;
    }
    let mut kept = Map::new();
    for (key, value) in object {
        let path = path::member(base, key);
        if key.is_empty() || check_free_text(key, 128).is_err() {
            let message = "a label's name must have 1 to 128 characters and no NUL";
            checker.faults.add(path, FaultCode::Malformed, message);
        } else if value.is_null() {
            if checker.mode == Mode::Request {
                kept.insert(key.clone(), Value::Null);
            }
        } else if let Some(value) = checker.free_text(&path, value, 1024) {
            kept.insert(key.clone(), value);
        }
    }
    Some(Value::Object(kept))
}

/// A list of paths of fields, as locks and required fields are.
fn paths(checker: &mut Checker<'_>, base: &str, value: &Value) -> Option<Value> {
    for (index, item) in checker.list(base, value, MAX_PATHS)?.iter().enumerate() {
        let at = path::place(base, index);
        let Some(text) = checker.text(&at, item) else {
            continue;
        };
        let root = path::root(text);
        if text.contains('\0') || path::canonical(text).is_none() {
            let message = "is no path such as `resource.gpuCount`, `env[\"a.b\"]` or \
                           `storageConfigs[\"/data\"]`";
            checker.faults.add(at, FaultCode::Malformed, message);
        } else if !field_names().any(|name| name == root) {
            let hint = did_you_mean(root, field_names());
            let message = format!("names no field of a template{hint}");
            checker.faults.add(at, FaultCode::UnknownField, message);
        }
    }
    Some(value.clone())
}

fn parameters(checker: &mut Checker<'_>, base: &str, value: &Value) -> Option<Value> {
    let mut names = BTreeSet::new();
    for (index, item) in checker.list(base, value, MAX_PARAMETERS)?.iter().enumerate() {
        let at = path::place(base, index);
        let Some(parameter) = checker.object(&at, item) else {
            continue;
        };
        for (key, value) in parameter {
            let path = path::member(&at, key);
            if !PARAMETER_KEYS.contains(&key.as_str()) {
                let hint = checker.faults.hint(key, PARAMETER_KEYS.iter().copied());
                let message = format!("no such field{hint}");
                checker.faults.add(path, FaultCode::UnknownField, message);
            } else if holds_nul(value) {
                let message = "must not contain a NUL character";
                checker.faults.add(path, FaultCode::Malformed, message);
            }
        }
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_variable(name) {
            let message = "must be the name of an environment variable: letters, digits and `_`";
            checker.faults.add(path::member(&at, "name"), FaultCode::Malformed, message);
        } else if !names.insert(name) {
            let message = "another parameter already has this name";
            checker.faults.add(path::member(&at, "name"), FaultCode::Duplicate, message);
        }
        for fault in crate::parameter::check_parameter(parameter) {
            checker.faults.add(path::member(&at, &fault.path), fault.code, fault.message);
        }
    }
    Some(value.clone())
}

fn is_variable(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
