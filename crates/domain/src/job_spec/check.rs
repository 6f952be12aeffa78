//! Checks a body field by field and finds all that is wrong with it at once.
//!
//! What comes out holds every value as it was sent, less what means nothing: members that are `null` (in a
//! template), and the Boolean `empty` that some typed clients put into their free-form objects.

use serde_json::{Map, Value};

use super::{
    ImageType, TrainingType, extra,
    field::{FIELDS, SERVER_FIELDS, field},
};
use crate::{
    document::Document,
    fault::{FaultCode, Faults},
    framework::Framework,
    path, text,
};

/// The largest whole number that every JSON reader keeps exactly (2^53 - 1).
const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// For what a body is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A whole template: `null` is the same as left out.
    Template,
    /// A request over a template: `null` unsets, a mount may be removed by its path, and only what a job may carry.
    Request,
}

/// Checks all members of a body but those in `own` (which the caller checks itself) and keeps what is meaningful.
pub fn check_document(body: &Map<String, Value>, mode: Mode, own: &[&str], faults: &mut Faults) -> Document {
    let mut kept = Document::with_capacity(body.len());
    for (key, value) in body {
        // What was read of a template can be written back; in a job's request the same names can only be slips.
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
                    let message = "belongs to a template; a job cannot carry it: leave it out";
                    faults.add(key, FaultCode::NotSupported, message);
                }
            }
            Some(_) if value.is_null() => {
                if mode == Mode::Request {
                    kept.insert(key.clone(), Value::Null);
                }
            }
            Some(_) => {
                let mut checker = Checker { mode, faults };
                if let Some(value) = checker.field(key, value, body) {
                    kept.insert(key.clone(), value);
                }
            }
        }
    }
    kept
}

/// Carries the mode and the list of faults through the checks of one body; its checks of single values stand in
/// `scalar`, those of free-form objects in `free_form`.
pub(super) struct Checker<'a> {
    pub(super) mode: Mode,
    pub(super) faults: &'a mut Faults,
}

impl Checker<'_> {
    fn field(&mut self, key: &str, value: &Value, body: &Map<String, Value>) -> Option<Value> {
        let is_on = |switch: &str| body.get(switch) == Some(&Value::Bool(true));
        match key {
            "desc" => self.free_text(key, value, text::DESC_MAX_CHARS),
            "aidcId" => self.integer(key, value, 1..=MAX_EXACT),
            "trainingType" => self.choice(key, value, TrainingType::WORDS),
            "trainingFramwork" => self.choice(key, value, Framework::WORDS),
            "imageType" => self.choice(key, value, ImageType::WORDS),
            "image" => self.image(key, value),
            "env" => self.env(key, value),
            "resource" => self.resource(key, value),
            "enableAutoRetry" | "enableTimeoutCancel" => self.boolean(key, value),
            "storageConfigs" => self.mounts(key, value),
            // Typed clients send 0 where the switch is off, so the bounds hold only where it is on.
            "maxRetryCount" if is_on("enableAutoRetry") => self.integer(key, value, 0..=100),
            "timeoutHours" if is_on("enableTimeoutCancel") => self.integer(key, value, 1..=8760),
            "maxRetryCount" | "timeoutHours" => self.integer(key, value, -MAX_EXACT..=MAX_EXACT),
            "startCommand" => self.kernel_text(key, value),
            "priority" => self.integer(key, value, 1..=3),
            "workDir" => self.absolute_path(key, value),
            "retryDelaySeconds" => self.integer(key, value, 0..=86_400),
            "timeoutSeconds" => self.integer(key, value, 1..=8760 * 3600),
            "stopGraceSeconds" => self.integer(key, value, 0..=86_400),
            _ => extra::check(self, key, value),
        }
    }
}
