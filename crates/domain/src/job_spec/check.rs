//! Checks a body field by field and reports all faults at once.
//!
//! The resulting document has every value as it was sent. It lacks only `null` members (in a template) and the Boolean
//! `empty`, which some typed clients add to free-form objects.

use serde_json::{Map, Value};

use super::{
    field::{FIELDS, Field, SERVER_FIELDS, field},
    kind::{Bounds, FieldKind, TextRule},
};
use crate::{
    document::Document,
    fault::{FaultCode, Faults},
    path,
};

/// The use of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A template: a `null` field is the same as a field left out.
    Template,
    /// A request over a template: `null` removes a field, `remove` removes a mount, and only fields of jobs are allowed.
    Request,
}

/// Checks all members of a body except those in `own`, which the caller checks, and returns the valid ones.
pub fn check_document(body: &Map<String, Value>, mode: Mode, own: &[&str], faults: &mut Faults) -> Document {
    let mut kept = Document::with_capacity(body.len());
    for (key, value) in body {
        // A template that was read can be sent back with these fields; in a job's request they can only be mistakes.
        if own.contains(&key.as_str()) || mode == Mode::Template && SERVER_FIELDS.contains(&key.as_str()) {
            continue;
        }
        match field(key) {
            None => {
                let known = FIELDS.iter().map(|f| f.name).chain(own.iter().copied());
                let hint = match key.as_str() {
                    "id" if mode == Mode::Request => "; did you mean `templateId`?".to_owned(),
                    "version" if mode == Mode::Request => "; did you mean `templateVersion`?".to_owned(),
                    _ => faults.hint(key, known),
                };
                faults.add(path::member("", key), FaultCode::UnknownField, format!("no such field{hint}"));
            }
            Some(field) if mode == Mode::Request && !field.in_jobs => {
                if !value.is_null() {
                    let message = "only a template can have this field; leave it out";
                    faults.add(key, FaultCode::NotSupported, message);
                }
            }
            Some(_) if value.is_null() => {
                if mode == Mode::Request {
                    kept.insert(key.clone(), Value::Null);
                }
            }
            Some(field) => {
                let mut checker = Checker { mode, faults };
                if let Some(value) = checker.field(field, value, body) {
                    kept.insert(key.clone(), value);
                }
            }
        }
    }
    kept
}

/// Carries the mode and the list of faults through the checks of one body; its checks of single values are in `scalar`,
/// those of objects and lists in `free_form` and `template_rules`.
pub(super) struct Checker<'a> {
    pub(super) mode: Mode,
    pub(super) faults: &'a mut Faults,
}

impl Checker<'_> {
    fn field(&mut self, field: &Field, value: &Value, body: &Map<String, Value>) -> Option<Value> {
        let is_on = |switch: &str| body.get(switch) == Some(&Value::Bool(true));
        match field.kind {
            FieldKind::Integer { switch: Some(switch), .. } if !is_on(switch) => {
                self.integer(field.name, value, Bounds::EXACT)
            }
            kind => self.value(kind, field.name, value),
        }
    }

    /// Checks the value of a field, or of a member of an object, by its kind.
    pub(super) fn value(&mut self, kind: FieldKind, path: &str, value: &Value) -> Option<Value> {
        match kind {
            FieldKind::Switch => self.boolean(path, value),
            FieldKind::Integer { bounds, .. } => self.integer(path, value, bounds),
            FieldKind::Choice(words) => self.choice(path, value, words),
            FieldKind::Text(rule) => self.text_of(path, value, rule),
            FieldKind::Size { max, unit } => self.size(path, value, max, unit),
            FieldKind::Count(bounds) => self.count(path, value, bounds),
            FieldKind::NumberOrText { .. } if value.is_number() => Some(value.clone()),
            FieldKind::NumberOrText { max_chars } => self.text_of(path, value, TextRule::Free { max_chars }),
            FieldKind::Variables => self.variables(path, value),
            FieldKind::Labels { max_items, max_name_chars, max_chars } => {
                self.labels(path, value, max_items, max_name_chars, max_chars)
            }
            FieldKind::Object(members) => self.object_of(path, value, members),
            FieldKind::Mounts { max_items, members } => self.mounts(path, value, max_items, members),
            FieldKind::Parameters { max_items } => self.parameters(path, value, max_items),
            FieldKind::Paths { max_items } => self.paths(path, value, max_items),
        }
    }
}
