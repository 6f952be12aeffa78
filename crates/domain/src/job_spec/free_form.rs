//! Checks of free-form objects: `env`, `labels`, `resource` and the items of `storageConfigs`.
//!
//! Unknown keys are kept as sent. No key or value, known or unknown, may contain a NUL.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    check::{Checker, Mode},
    kind::{Member, TextRule},
};
use crate::{
    fault::FaultCode,
    path,
    secret::{self, SECRET_MAX_BYTES},
    text::{ARGUMENT_BYTES, check_env_name, check_free_text, check_variable, mount_key},
};

/// The deepest nesting that the value of an unknown key may have.
const MAX_DEPTH: usize = 16;

const NO_NUL: &str = "must not contain a NUL character";

impl Checker<'_> {
    /// Checks environment variables: a name, and text, a number, a Boolean or the name of a secret.
    pub(super) fn variables(&mut self, base: &str, value: &Value) -> Option<Value> {
        self.members(base, value, |this, path, name, value| {
            if let Err(message) = check_env_name(name) {
                this.faults.add(path, FaultCode::Malformed, message);
                return None;
            }
            match value {
                Value::String(text) => this.keep(path, value, check_variable(name, text)),
                Value::Number(_) | Value::Bool(_) => this.keep(path, value, check_variable(name, &value.to_string())),
                Value::Object(members) => this.secret(path, name, members).map(|()| value.clone()),
                _ => {
                    this.wrong_type(path, value, secret::VALUES);
                    None
                }
            }
        })
    }

    /// Checks a variable that gets its value from a secret.
    fn secret(&mut self, path: &str, variable: &str, members: &Map<String, Value>) -> Option<()> {
        let checked = secret::check_reference(members).and_then(|()| {
            // The kernel limits name and value together, and only the launch knows the value.
            let fits = variable.len() + 1 + SECRET_MAX_BYTES < ARGUMENT_BYTES;
            fits.then_some(()).ok_or_else(|| {
                (
                    FaultCode::Malformed,
                    "the name of a variable with a secret must have fewer than 65,535 bytes".to_owned(),
                )
            })
        });
        checked.map_err(|(code, message)| self.faults.add(path, code, message)).ok()
    }

    /// Checks the labels, an object of text.
    pub(super) fn labels(
        &mut self,
        base: &str,
        value: &Value,
        max_items: usize,
        max_name_chars: usize,
        max_chars: usize,
    ) -> Option<Value> {
        let object = self.object(base, value)?;
        if object.len() > max_items {
            let message = format!("must have at most {max_items} labels");
            self.faults.add(base, FaultCode::OutOfRange, message);
            return None;
        }
        let mut kept = Map::new();
        for (key, value) in object {
            let path = path::member(base, key);
            if key.is_empty() || check_free_text(key, max_name_chars).is_err() {
                let message = format!("a label's name must have 1 to {max_name_chars} characters and no NUL");
                self.faults.add(path, FaultCode::Malformed, message);
            } else if value.is_null() {
                if self.mode == Mode::Request {
                    kept.insert(key.clone(), Value::Null);
                }
            } else if let Some(value) = self.text_of(&path, value, TextRule::Free { max_chars }) {
                kept.insert(key.clone(), value);
            }
        }
        Some(Value::Object(kept))
    }

    /// Checks an object with these known members.
    pub(super) fn object_of(&mut self, base: &str, value: &Value, known: &[Member]) -> Option<Value> {
        self.members(base, value, |this, path, key, value| this.member(known, path, key, value))
    }

    fn member(&mut self, known: &[Member], path: &str, key: &str, value: &Value) -> Option<Value> {
        match known.iter().find(|member| member.name == key) {
            Some(member) => self.value(member.kind, path, value),
            None => self.unknown(path, value),
        }
    }

    /// Checks a list of mounts; two cannot have the same mount path.
    pub(super) fn mounts(&mut self, base: &str, value: &Value, most: usize, known: &[Member]) -> Option<Value> {
        let items = self.list(base, value, most)?;
        let mut seen = BTreeSet::new();
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let base = path::item(base, index);
            let Some(item) = self.mount(&base, item, known) else {
                continue;
            };
            let key = item.get("mountPath").and_then(Value::as_str).map(mount_key);
            if key.is_some_and(|key| !seen.insert(key)) {
                let message = "another entry has the same mount path";
                self.faults.add(path::member(&base, "mountPath"), FaultCode::Duplicate, message);
            } else {
                kept.push(item);
            }
        }
        Some(Value::Array(kept))
    }

    fn mount(&mut self, base: &str, item: &Value, known: &[Member]) -> Option<Value> {
        let mut kept = self.members(base, item, |this, path, key, value| match key {
            "remove" if this.mode == Mode::Request => this.boolean(path, value),
            // As an unknown key it would be kept, and would remove the mount when the spec is sent again in a request.
            "remove" => {
                let message = "only a job's request can remove a mount; leave the mount out of the template";
                this.faults.add(path, FaultCode::NotSupported, message);
                None
            }
            _ => this.member(known, path, key, value),
        })?;
        // A request replaces a whole mount and never patches one, so `null` is the same as left out.
        if let Some(members) = kept.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        if item.get("mountPath").is_none_or(Value::is_null) {
            self.faults.add(
                path::member(base, "mountPath"),
                FaultCode::Required,
                "must be given: the absolute path at which workers see the storage",
            );
            return None;
        }
        Some(kept)
    }

    /// Checks each member of a free-form object with `each`. Keeps `null` members in a request and drops them in a template.
    fn members(
        &mut self,
        base: &str,
        value: &Value,
        mut each: impl FnMut(&mut Self, &str, &str, &Value) -> Option<Value>,
    ) -> Option<Value> {
        let object = self.object(base, value)?;
        let mut kept = Map::with_capacity(object.len());
        for (key, value) in object {
            let path = path::member(base, key);
            if key.contains('\0') {
                self.faults.add(path, FaultCode::Malformed, NO_NUL);
            } else if value.is_null() {
                if self.mode == Mode::Request {
                    kept.insert(key.clone(), Value::Null);
                }
            } else if key == "empty" && value.is_boolean() {
                // Some typed clients add whether their map is empty.
            } else if let Some(value) = each(self, &path, key, value) {
                kept.insert(key.clone(), value);
            }
        }
        Some(Value::Object(kept))
    }

    /// Checks the value of an unknown key, which is kept as sent.
    fn unknown(&mut self, path: &str, value: &Value) -> Option<Value> {
        if is_deeper_than(value, MAX_DEPTH) {
            let message = format!("is nested deeper than {MAX_DEPTH} levels");
            self.faults.add(path, FaultCode::OutOfRange, message);
            return None;
        }
        let rule = if holds_nul(value) { Err(NO_NUL) } else { Ok(()) };
        self.keep(path, value, rule)
    }
}

/// Whether lists and objects are nested more than `levels` deep.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let is_too_deep = |item: &Value| levels == 0 || is_deeper_than(item, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(is_too_deep),
        Value::Object(members) => members.values().any(is_too_deep),
        _ => false,
    }
}

/// Whether any text or key in a value contains a NUL.
pub(super) fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => members.iter().any(|(key, item)| key.contains('\0') || holds_nul(item)),
        _ => false,
    }
}
