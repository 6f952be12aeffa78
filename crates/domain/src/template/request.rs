//! What a request may make of a template: parameters become variables, locked paths refuse, required ones insist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::parameter::check_value;
use crate::{
    fault::{Fault, FaultCode, Faults},
    merge::{Merged, Source, leaves, merge},
    path,
    spec::Document,
};

/// The fields of a template's content that rule requests and are no part of a job's spec.
const RULE_FIELDS: &[&str] = &["parameters", "locked", "required"];

/// A template version's own rules, read from its content.
#[derive(Clone, Debug, Default)]
pub struct TemplateRules {
    parameters: Vec<Map<String, Value>>,
    locked: Vec<String>,
    required: Vec<String>,
}

impl TemplateRules {
    /// Reads the rules of a checked content.
    pub fn of(content: &Document) -> Self {
        let list = |key: &str| content.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let paths = |key: &str| {
            let texts = list(key);
            let paths = texts.iter().filter_map(Value::as_str);
            paths.filter_map(path::canonical).collect()
        };
        Self {
            parameters: list("parameters").iter().filter_map(Value::as_object).cloned().collect(),
            locked: paths("locked"),
            required: paths("required"),
        }
    }
}

/// Merges a checked request over a template's content by the template's rules.
///
/// The faults name the path, the rule, and that the template's author set it.
pub fn apply_request(
    content: &Document,
    source: &Source,
    request: &Document,
    values: &Map<String, Value>,
) -> Result<Merged, Vec<Fault>> {
    let mut faults = Faults::default();
    let rules = TemplateRules::of(content);
    let mut base = content.clone();
    base.retain(|key, _| !RULE_FIELDS.contains(&key.as_str()));
    let mut merged = merge(&base, source, request);
    check_locks(&rules, &base, &merged.document, &mut faults);
    set_parameters(&rules, &mut merged, source, values, &mut faults);
    check_required(&rules, &merged.document, &mut faults);
    faults.or(merged)
}

/// A request may repeat a locked value, not change it; parameters are the author's own openings and stay open.
fn check_locks(rules: &TemplateRules, before: &Document, after: &Document, faults: &mut Faults) {
    if rules.locked.is_empty() {
        return;
    }
    let before: BTreeMap<_, _> = leaves(before).into_iter().collect();
    let after: BTreeMap<_, _> = leaves(after).into_iter().collect();
    let both: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for leaf in both {
        let lock = rules.locked.iter().find(|lock| path::is_within(leaf, lock));
        if let Some(lock) = lock
            && before.get(leaf) != after.get(leaf)
        {
            let message = format!("the template's author has locked `{lock}`: leave it out of the request");
            faults.add(leaf, FaultCode::Locked, message);
        }
    }
}

/// A required path must have a value that says something.
fn check_required(rules: &TemplateRules, document: &Document, faults: &mut Faults) {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let leaves = leaves(document);
    for wanted in &rules.required {
        let is_given = |(leaf, value): &(String, Value)| path::is_within(leaf, wanted) && !says_nothing(value);
        if !leaves.iter().any(is_given) {
            let message = "the template's author requires this field: give it a value";
            faults.add(wanted, FaultCode::Required, message);
        }
    }
}

/// Puts every parameter into the merged variables: a given value over all, a default under what the request says.
fn set_parameters(
    rules: &TemplateRules,
    merged: &mut Merged,
    source: &Source,
    values: &Map<String, Value>,
    faults: &mut Faults,
) {
    let name_of =
        |parameter: &Map<String, Value>| parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = rules.parameters.iter().map(name_of).collect();
    for name in values.keys().filter(|name| !names.contains(name)) {
        let hint = faults.hint(name, names.iter().map(String::as_str));
        let at = path::member("parameterValues", name);
        faults.add(at, FaultCode::UnknownField, format!("the template has no such parameter{hint}"));
    }
    for (parameter, name) in rules.parameters.iter().zip(names) {
        let at = path::member("parameterValues", &name);
        let is_given = |value: &&Value| !value.is_null();
        if let Some(value) = values.get(&name).filter(is_given) {
            match check_value(parameter, value) {
                Ok(()) => set_variable(merged, &name, value, Source::Request),
                Err(message) => faults.add(at, FaultCode::OutOfRange, message),
            }
        } else if let Some(default) = parameter.get("default").filter(is_given) {
            let variable = path::member("env", &name);
            if merged.provenance.get(&variable) != Some(&Source::Request) {
                set_variable(merged, &name, default, source.clone());
            }
        } else if parameter.get("required") == Some(&Value::Bool(true)) {
            faults.add(at, FaultCode::Required, "the template's author requires a value for this parameter");
        }
    }
}

fn set_variable(merged: &mut Merged, name: &str, value: &Value, source: Source) {
    let env = merged.document.entry("env").or_insert_with(|| json!({}));
    if let Some(env) = env.as_object_mut() {
        env.insert(name.to_owned(), value.clone());
        // It has members now, so it is no leaf of its own any more.
        merged.provenance.remove("env");
        merged.provenance.insert(path::member("env", name), source);
    }
}
