//! What a request may make of a template: parameters become variables, locked paths refuse, required ones insist.

use serde_json::{Map, Value, json};

use super::parameter::check_value;
use crate::{
    fault::{Fault, FaultCode, Faults, did_you_mean},
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
        let list = |key: &str| {
            content
                .get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let texts = |key: &str| {
            list(key)
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        Self {
            parameters: list("parameters")
                .iter()
                .filter_map(Value::as_object)
                .cloned()
                .collect(),
            locked: texts("locked"),
            required: texts("required"),
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
    let mut patch = request.clone();
    check_locks(&rules, &base, request, &mut faults);
    set_parameters(&rules, &mut base, &mut patch, values, &mut faults);
    let merged = merge(&base, source, &patch);
    for wanted in &rules.required {
        if !merged
            .provenance
            .keys()
            .any(|leaf| path::is_within(leaf, wanted))
        {
            faults.add(
                wanted,
                FaultCode::Required,
                "the template's author requires this field: give it a value",
            );
        }
    }
    faults.or(merged)
}

/// A request may repeat a locked value, not change it.
fn check_locks(rules: &TemplateRules, base: &Document, request: &Document, faults: &mut Faults) {
    let standing: std::collections::BTreeMap<_, _> = leaves(base).into_iter().collect();
    for (leaf, value) in leaves(request) {
        let locked = rules
            .locked
            .iter()
            .find(|lock| path::is_within(&leaf, lock) || path::is_within(lock, &leaf));
        if let Some(lock) = locked
            && standing.get(&leaf) != Some(&value)
        {
            let message =
                format!("the template's author has locked `{lock}`: leave it out of the request");
            faults.add(leaf, FaultCode::Locked, message);
        }
    }
}

fn set_parameters(
    rules: &TemplateRules,
    base: &mut Document,
    patch: &mut Document,
    values: &Map<String, Value>,
    faults: &mut Faults,
) {
    let name_of = |parameter: &Map<String, Value>| {
        parameter
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let names: Vec<String> = rules.parameters.iter().map(name_of).collect();
    for name in values.keys().filter(|name| !names.contains(name)) {
        let hint = did_you_mean(name, names.iter().map(String::as_str));
        let at = path::member("parameterValues", name);
        faults.add(
            at,
            FaultCode::UnknownField,
            format!("the template has no such parameter{hint}"),
        );
    }
    for parameter in &rules.parameters {
        let name = name_of(parameter);
        let at = path::member("parameterValues", &name);
        if let Some(value) = values.get(&name).filter(|value| !value.is_null()) {
            match check_value(parameter, value) {
                Ok(()) => set_variable(patch, &name, value),
                Err(message) => faults.add(at, FaultCode::OutOfRange, message),
            }
        } else if let Some(default) = parameter.get("default").filter(|value| !value.is_null()) {
            set_variable(base, &name, default);
        } else if parameter.get("required") == Some(&Value::Bool(true)) {
            faults.add(
                at,
                FaultCode::Required,
                "the template's author requires a value for this parameter",
            );
        }
    }
}

fn set_variable(document: &mut Document, name: &str, value: &Value) {
    let env = document.entry("env").or_insert_with(|| json!({}));
    if env.is_null() {
        *env = json!({});
    }
    if let Some(env) = env.as_object_mut() {
        env.insert(name.to_owned(), value.clone());
    }
}
