//! Checks of the fields that only templates carry: labels, visibility, parameters, locks, required fields.

use serde_json::{Map, Value};

use super::{
    check::{Checker, Mode},
    field::field_names,
};
use crate::{
    fault::{FaultCode, did_you_mean},
    path,
    template::Visibility,
    text::check_free_text,
};

const MAX_LABELS: usize = 64;
const MAX_PARAMETERS: usize = 64;
const MAX_PATHS: usize = 256;
const PARAMETER_KEYS: &[&str] = &[
    "name",
    "type",
    "default",
    "required",
    "minimum",
    "maximum",
    "choices",
    "description",
];

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
        checker.faults.add(
            base,
            FaultCode::OutOfRange,
            format!("must have at most {MAX_LABELS} labels"),
        );
        return None;
    }
    let mut kept = Map::new();
    for (key, value) in object {
        let path = path::member(base, key);
        if value.is_null() {
            if checker.mode == Mode::Request {
                kept.insert(key.clone(), Value::Null);
            }
            continue;
        }
        if key.is_empty() || check_free_text(key, 128).is_err() {
            checker.faults.add(
                path,
                FaultCode::Malformed,
                "a label's name must have 1 to 128 characters",
            );
        } else if let Some(value) = checker.free_text(&path, value, 1024) {
            kept.insert(key.clone(), value);
        }
    }
    Some(Value::Object(kept))
}

/// A list of paths of fields, as locks and required fields are.
fn paths(checker: &mut Checker<'_>, base: &str, value: &Value) -> Option<Value> {
    let items = list(checker, base, value, MAX_PATHS)?;
    for (index, item) in items.iter().enumerate() {
        let at = path::place(base, index);
        let Some(text) = checker.text(&at, item) else {
            continue;
        };
        let root = path::root(text);
        if !field_names().any(|name| name == root) {
            let hint = did_you_mean(root, field_names());
            checker.faults.add(
                at,
                FaultCode::UnknownField,
                format!("names no field of a template{hint}"),
            );
        }
    }
    Some(value.clone())
}

fn list<'v>(
    checker: &mut Checker<'_>,
    base: &str,
    value: &'v Value,
    most: usize,
) -> Option<&'v Vec<Value>> {
    let Some(items) = value.as_array() else {
        checker.wrong_type(base, value, "a list");
        return None;
    };
    if items.len() > most {
        checker.faults.add(
            base,
            FaultCode::OutOfRange,
            format!("must have at most {most} entries"),
        );
        return None;
    }
    Some(items)
}

fn parameters(checker: &mut Checker<'_>, base: &str, value: &Value) -> Option<Value> {
    let items = list(checker, base, value, MAX_PARAMETERS)?;
    let mut names = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = path::place(base, index);
        let Some(parameter) = checker.object(&at, item) else {
            continue;
        };
        for key in parameter
            .keys()
            .filter(|key| !PARAMETER_KEYS.contains(&key.as_str()))
        {
            let hint = did_you_mean(key, PARAMETER_KEYS.iter().copied());
            checker.faults.add(
                path::member(&at, key),
                FaultCode::UnknownField,
                format!("no such field{hint}"),
            );
        }
        let name = parameter
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !is_variable(name) {
            let message = "must be the name of an environment variable: letters, digits and `_`";
            checker
                .faults
                .add(path::member(&at, "name"), FaultCode::Malformed, message);
        } else if !names.insert(name) {
            let message = "another parameter already has this name";
            checker
                .faults
                .add(path::member(&at, "name"), FaultCode::Duplicate, message);
        }
        for fault in crate::template::check_parameter(parameter) {
            checker
                .faults
                .add(path::member(&at, &fault.path), fault.code, fault.message);
        }
    }
    Some(value.clone())
}

fn is_variable(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
