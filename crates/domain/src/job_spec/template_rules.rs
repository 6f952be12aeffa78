//! Checks of the fields by which a template's author sets rules for requests: `parameters`, `locked` and `required`.
//!
//! The rules for a single parameter are in `parameter`; whether a request keeps the rules is decided in `template`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{check::Checker, field::field_names, free_form::holds_nul};
use crate::{
    fault::{FaultCode, did_you_mean},
    parameter::{PARAMETER_KEYS, check_parameter},
    path,
};

impl Checker<'_> {
    /// Checks a list of field paths (`locked`, `required`).
    pub(super) fn paths(&mut self, base: &str, value: &Value, max_items: usize) -> Option<Value> {
        for (index, item) in self.list(base, value, max_items)?.iter().enumerate() {
            let at = path::item(base, index);
            let Some(text) = self.text(&at, item) else {
                continue;
            };
            let root = path::root(text);
            if text.contains('\0') || path::canonical(text).is_none() {
                let message = "is not a path such as `resource.gpuCount`, `env[\"a.b\"]` or \
                               `storageConfigs[\"/data\"]`";
                self.faults.add(at, FaultCode::Malformed, message);
            } else if !field_names().any(|name| name == root) {
                let hint = did_you_mean(root, field_names());
                let message = format!("does not begin with a field of a template{hint}");
                self.faults.add(at, FaultCode::UnknownField, message);
            }
        }
        Some(value.clone())
    }

    /// Checks a list of declared parameters; two cannot have the same name.
    pub(super) fn parameters(&mut self, base: &str, value: &Value, max_items: usize) -> Option<Value> {
        let mut names = BTreeSet::new();
        for (index, item) in self.list(base, value, max_items)?.iter().enumerate() {
            let at = path::item(base, index);
            let Some(parameter) = self.object(&at, item) else {
                continue;
            };
            for (key, value) in parameter {
                let path = path::member(&at, key);
                if !PARAMETER_KEYS.contains(&key.as_str()) {
                    let hint = self.faults.hint(key, PARAMETER_KEYS.iter().copied());
                    let message = format!("no such field{hint}");
                    self.faults.add(path, FaultCode::UnknownField, message);
                } else if holds_nul(value) {
                    let message = "must not contain a NUL character";
                    self.faults.add(path, FaultCode::Malformed, message);
                }
            }
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if !is_variable(name) {
                let message = "must be the name of an environment variable: letters, digits and `_`, not a digit first";
                self.faults.add(path::member(&at, "name"), FaultCode::Malformed, message);
            } else if !names.insert(name) {
                let message = "another parameter already has this name";
                self.faults.add(path::member(&at, "name"), FaultCode::Duplicate, message);
            }
            for fault in check_parameter(parameter) {
                self.faults.add(path::member(&at, &fault.path), fault.code, fault.message);
            }
        }
        Some(value.clone())
    }
}

fn is_variable(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
