//! The rules that a template's author sets for requests: parameters, locked paths and required paths.
//!
//! A parameter becomes an environment variable. A request may repeat the value of a locked path but not change it. A
//! required path must have a value after the merge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    document::{Document, leaves},
    fault::{Fault, FaultCode, Faults},
    job_spec::{Prepared, field},
    merge::{Merged, Source, merge},
    parameter::{check_value, check_variable_value},
    path,
};

/// The rules of a template version, read from its content.
#[derive(Clone, Debug, Default)]
struct TemplateRules {
    parameters: Vec<Map<String, Value>>,
    locked: Vec<String>,
    required: Vec<String>,
}

impl TemplateRules {
    /// Reads the rules of a content that has passed its checks.
    fn of(content: &Document) -> Self {
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

    /// The locked path that is the leaf or contains it.
    fn lock_of(&self, leaf: &str) -> Option<&String> {
        self.locked.iter().find(|lock| path::is_within(leaf, lock))
    }
}

/// The origin of a template's rules, as refusals show it: `alice in template tpl_… v3`.
fn set_by(source: &Source, author: &str) -> String {
    format!("{author} in {source}")
}

/// Merges a checked request over a template's content and applies the template's rules, which `author` set.
///
/// The merged document is complete even if the rules refuse a part of the request. Each refusal names path, rule and author.
pub(super) fn apply_request(
    content: &Document,
    source: &Source,
    author: &str,
    request: &Document,
    values: &Map<String, Value>,
) -> (Merged, Vec<Fault>) {
    let mut faults = Faults::default();
    let rules = TemplateRules::of(content);
    let by = set_by(source, author);
    let base = without_rules(content);
    let mut merged = merge(&base, source, request);
    check_locks(&rules, &by, &base, &merged.document, &mut faults);
    Parameters { by: &by, source, request, values }.set(&rules, &mut merged, &mut faults);
    check_required(&rules, &by, &merged.document, &mut faults);
    (merged, faults.into_vec())
}

/// A template's content without its rules for requests (parameters, locks, required fields), which no job carries.
pub(super) fn without_rules(content: &Document) -> Document {
    let mut base = content.clone();
    base.retain(|key, _| field(key).is_none_or(|field| field.in_jobs));
    base
}

/// Refuses a request that changes a locked path indirectly, by another product that fills in other sizes.
///
/// Both documents have their defaults; `before` is the template without the request.
pub(super) fn check_product_locks(
    content: &Document,
    by: (&Source, &str),
    before: &Prepared,
    after: &Prepared,
) -> Vec<Fault> {
    let rules = TemplateRules::of(content);
    let mut faults = Faults::default();
    let product = |prepared: &Prepared, leaf: &str| prepared.provenance.get(leaf) == Some(&Source::Product);
    let (old, new) = (by_path(&before.document), by_path(&after.document));
    for leaf in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        if let Some(lock) = rules.lock_of(leaf)
            && (product(before, leaf) || product(after, leaf))
            && old.get(leaf) != new.get(leaf)
        {
            let by = set_by(by.0, by.1);
            let message = format!("`{lock}` is locked by {by}; the requested `resource.productCode` would change it");
            faults.add(leaf, FaultCode::Locked, message);
        }
    }
    faults.into_vec()
}

fn by_path(document: &Document) -> BTreeMap<String, Value> {
    leaves(document).into_iter().collect()
}

/// A request may repeat a locked value but not change it. This runs before parameters are set, so that a parameter may
/// set a variable below a locked path.
fn check_locks(rules: &TemplateRules, by: &str, before: &Document, after: &Document, faults: &mut Faults) {
    if rules.locked.is_empty() {
        return;
    }
    let (before, after) = (by_path(before), by_path(after));
    for leaf in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        if let Some(lock) = rules.lock_of(leaf)
            && before.get(leaf) != after.get(leaf)
        {
            let message = format!("`{lock}` is locked by {by}; leave it out of the request");
            faults.add(leaf, FaultCode::Locked, message);
        }
    }
}

/// A required path must have a value that is neither `null` nor empty.
fn check_required(rules: &TemplateRules, by: &str, document: &Document, faults: &mut Faults) {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let leaves = leaves(document);
    for wanted in &rules.required {
        let is_given = |(leaf, value): &(String, Value)| path::is_within(leaf, wanted) && !is_empty(value);
        if !leaves.iter().any(is_given) {
            faults.add(wanted, FaultCode::Required, format!("is required by {by}; give a value"));
        }
    }
}

/// The parameter values of a request, and the origin of the declarations.
struct Parameters<'a> {
    /// Author and template, for refusals.
    by: &'a str,
    source: &'a Source,
    request: &'a Document,
    values: &'a Map<String, Value>,
}

impl Parameters<'_> {
    /// Sets the variable of every parameter. A given value wins over the request's own variable, which wins over the
    /// declared default.
    fn set(&self, rules: &TemplateRules, merged: &mut Merged, faults: &mut Faults) {
        let name_of = |parameter: &Map<String, Value>| {
            parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let names: Vec<String> = rules.parameters.iter().map(name_of).collect();
        for name in self.values.keys().filter(|name| !names.contains(name)) {
            let hint = faults.hint(name, names.iter().map(String::as_str));
            let at = path::member("parameterValues", name);
            faults.add(at, FaultCode::UnknownField, format!("the template has no such parameter{hint}"));
        }
        for (parameter, name) in rules.parameters.iter().zip(names) {
            self.set_one(parameter, &name, merged, faults);
        }
    }

    fn set_one(&self, parameter: &Map<String, Value>, name: &str, merged: &mut Merged, faults: &mut Faults) {
        let at = path::member("parameterValues", name);
        let is_given = |value: &&Value| !value.is_null();
        let own_variable = self.request.get("env").and_then(|env| env.get(name)).filter(is_given);
        let mut refuse = |at: String, rule: String| {
            faults.add(at, FaultCode::OutOfRange, format!("{rule} (set by {})", self.by));
        };
        if let Some(value) = self.values.get(name).filter(is_given) {
            match check_value(parameter, value) {
                Ok(()) => set_variable(merged, name, value, Source::Request),
                Err(rule) => refuse(at, rule),
            }
        } else if let Some(value) = own_variable {
            // The request sets the variable in `env` itself; the declaration applies there too.
            if let Err(rule) = check_variable_value(parameter, value) {
                refuse(path::member("env", name), rule);
            }
        } else if let Some(default) = parameter.get("default").filter(is_given) {
            set_variable(merged, name, default, self.source.clone());
        } else if parameter.get("required") == Some(&Value::Bool(true)) {
            let message = format!("a value for this parameter is required by {}", self.by);
            faults.add(at, FaultCode::Required, message);
        }
    }
}

fn set_variable(merged: &mut Merged, name: &str, value: &Value, source: Source) {
    let env = merged.document.entry("env").or_insert_with(|| json!({}));
    if let Some(env) = env.as_object_mut() {
        env.insert(name.to_owned(), value.clone());
        // `env` has members now, so it is no leaf.
        merged.provenance.remove("env");
        merged.provenance.insert(path::member("env", name), source);
    }
}
