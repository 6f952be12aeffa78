//! Checks a body field by field and finds all that is wrong with it at once.
//!
//! What comes out holds every value as it was sent, less what means nothing: members that are `null` (in a
//! template), and the Boolean `empty` that some typed clients put into their free-form objects.

use serde_json::{Map, Value};

use super::{
    Document, Framework, ImageType, StorageType, TrainingType, extra,
    field::{FIELDS, MOUNT_KEYS, RESOURCE_KEYS, SERVER_FIELDS, field},
    size::{parse_count, parse_milli},
};
use crate::{
    fault::{FaultCode, Faults, did_you_mean},
    path,
    text::{self, check_absolute_path, check_env_name, check_free_text, check_kernel_text},
};

/// The most workers of a job.
pub(super) const MAX_WORKERS: u64 = 10_000;
/// The most mounts of a job.
pub(super) const MAX_MOUNTS: usize = 64;
/// The deepest nesting of an unknown value that is kept.
const MAX_DEPTH: usize = 16;
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
pub fn check_document(
    body: &Map<String, Value>,
    mode: Mode,
    own: &[&str],
    faults: &mut Faults,
) -> Document {
    let mut kept = Document::new();
    for (key, value) in body {
        if own.contains(&key.as_str()) || SERVER_FIELDS.contains(&key.as_str()) {
            continue;
        }
        match field(key) {
            None => {
                let known = FIELDS.iter().map(|f| f.name).chain(own.iter().copied());
                let hint = did_you_mean(key, known);
                faults.add(
                    path::member("", key),
                    FaultCode::UnknownField,
                    format!("no such field{hint}"),
                );
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

/// Carries the mode and the list of faults through the checks of one body.
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

    pub(super) fn wrong_type(&mut self, path: &str, value: &Value, wanted: &str) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a Boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.faults.add(
            path,
            FaultCode::WrongType,
            format!("must be {wanted}, not {found}"),
        );
    }

    pub(super) fn text<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v str> {
        let text = value.as_str();
        if text.is_none() {
            self.wrong_type(path, value, "text");
        }
        text
    }

    pub(super) fn boolean(&mut self, path: &str, value: &Value) -> Option<Value> {
        if !value.is_boolean() {
            self.wrong_type(path, value, "`true` or `false`");
        }
        value.is_boolean().then(|| value.clone())
    }

    pub(super) fn integer(
        &mut self,
        path: &str,
        value: &Value,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Option<Value> {
        if !value.is_number() {
            self.wrong_type(path, value, "a whole number");
            return None;
        }
        match whole(value) {
            Some(number) if bounds.contains(&number) => Some(Value::from(number)),
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                self.faults.add(
                    path,
                    FaultCode::OutOfRange,
                    format!("must be a whole number from {low} to {high}"),
                );
                None
            }
        }
    }

    pub(super) fn choice(&mut self, path: &str, value: &Value, words: &[&str]) -> Option<Value> {
        let word = self.text(path, value)?;
        if words.contains(&word) {
            return Some(value.clone());
        }
        let list = words
            .iter()
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let hint = did_you_mean(word, words.iter().copied());
        self.faults.add(
            path,
            FaultCode::NotAChoice,
            format!("must be one of {list}{hint}"),
        );
        None
    }

    pub(super) fn free_text(&mut self, path: &str, value: &Value, most: usize) -> Option<Value> {
        let text = self.text(path, value)?;
        let result = check_free_text(text, most);
        self.keep(path, value, result, FaultCode::Malformed)
    }

    fn kernel_text(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, check_kernel_text(text), FaultCode::OutOfRange)
    }

    pub(super) fn absolute_path(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, check_absolute_path(text), FaultCode::Malformed)
    }

    fn image(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        let fits = text.len() <= 1024 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let result = if fits {
            Ok(())
        } else {
            Err("must have at most 1,024 bytes and no spaces")
        };
        self.keep(path, value, result, FaultCode::Malformed)
    }

    fn keep<E: Into<String>>(
        &mut self,
        path: &str,
        value: &Value,
        result: Result<(), E>,
        code: FaultCode,
    ) -> Option<Value> {
        match result {
            Ok(()) => Some(value.clone()),
            Err(message) => {
                self.faults.add(path, code, message);
                None
            }
        }
    }

    pub(super) fn object<'v>(
        &mut self,
        path: &str,
        value: &'v Value,
    ) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(path, value, "an object");
        }
        object
    }

    /// The members of a free-form object, each through `each`; `null` members as the mode says.
    fn members(
        &mut self,
        base: &str,
        value: &Value,
        mut each: impl FnMut(&mut Self, &str, &str, &Value) -> Option<Value>,
    ) -> Option<Value> {
        let mut kept = Map::new();
        for (key, value) in self.object(base, value)? {
            let path = path::member(base, key);
            if value.is_null() {
                if self.mode == Mode::Request {
                    kept.insert(key.clone(), Value::Null);
                }
            } else if key == "empty" && value.is_boolean() {
                // Some typed clients write the emptiness of their map into it.
            } else if let Some(value) = each(self, &path, key, value) {
                kept.insert(key.clone(), value);
            }
        }
        Some(Value::Object(kept))
    }

    fn env(&mut self, base: &str, value: &Value) -> Option<Value> {
        self.members(base, value, |this, path, name, value| {
            if let Err(message) = check_env_name(name) {
                this.faults.add(path, FaultCode::Malformed, message);
                return None;
            }
            match value {
                Value::String(text) => {
                    // The kernel counts name, `=` and value together.
                    let whole = format!("{name}={text}");
                    this.keep(
                        path,
                        value,
                        check_kernel_text(&whole),
                        FaultCode::OutOfRange,
                    )
                }
                Value::Number(_) | Value::Bool(_) => Some(value.clone()),
                _ => {
                    this.wrong_type(path, value, "text, a number or a Boolean");
                    None
                }
            }
        })
    }

    fn resource(&mut self, base: &str, value: &Value) -> Option<Value> {
        self.members(base, value, |this, path, key, value| match key {
            "cpuCores" => this.size(path, value, 1..=100_000_000, "cores", "0.001 to 100,000"),
            "memoryGB" => this.size(path, value, 1..=1_000_000_000, "GB", "0.001 to 1,000,000"),
            "gpuCount" => this.count(path, value, 0..=1024),
            "workerCount" => this.count(path, value, 1..=MAX_WORKERS),
            "type" | "gpuName" | "productCode" | "productName" => this.free_text(path, value, 256),
            "productPrice" if value.is_number() => Some(value.clone()),
            "productPrice" => this.free_text(path, value, 256),
            _ => this.unknown(path, value, 1),
        })
    }

    fn size(
        &mut self,
        path: &str,
        value: &Value,
        milli: std::ops::RangeInclusive<u64>,
        unit: &str,
        bounds: &str,
    ) -> Option<Value> {
        if !value.is_string() && !value.is_number() {
            self.wrong_type(path, value, "a number or a number as text");
            return None;
        }
        if parse_milli(value).is_some_and(|number| milli.contains(&number)) {
            return Some(value.clone());
        }
        let message = format!(
            "must be a number of {unit} from {bounds} with at most three places, such as 1 or \"0.5\""
        );
        self.faults.add(path, FaultCode::OutOfRange, message);
        None
    }

    fn count(
        &mut self,
        path: &str,
        value: &Value,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<Value> {
        if !value.is_string() && !value.is_number() {
            self.wrong_type(path, value, "a whole number or one as text");
            return None;
        }
        if parse_count(value).is_some_and(|number| bounds.contains(&number)) {
            return Some(value.clone());
        }
        let (low, high) = (bounds.start(), bounds.end());
        self.faults.add(
            path,
            FaultCode::OutOfRange,
            format!("must be a whole number from {low} to {high}"),
        );
        None
    }

    /// A value under a key that means nothing here: kept as it is, within reason.
    fn unknown(&mut self, path: &str, value: &Value, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            self.faults.add(
                path,
                FaultCode::OutOfRange,
                format!("is nested deeper than {MAX_DEPTH} levels"),
            );
            return None;
        }
        let fits = match value {
            Value::Array(items) => items
                .iter()
                .all(|item| self.unknown(path, item, depth + 1).is_some()),
            Value::Object(members) => members
                .values()
                .all(|item| self.unknown(path, item, depth + 1).is_some()),
            Value::String(text) if text.contains('\0') => {
                self.faults.add(
                    path,
                    FaultCode::Malformed,
                    "must not contain a NUL character",
                );
                false
            }
            _ => true,
        };
        fits.then(|| value.clone())
    }

    fn mounts(&mut self, base: &str, value: &Value) -> Option<Value> {
        let Some(items) = value.as_array() else {
            self.wrong_type(base, value, "a list");
            return None;
        };
        if items.len() > MAX_MOUNTS {
            self.faults.add(
                base,
                FaultCode::OutOfRange,
                format!("must have at most {MAX_MOUNTS} entries"),
            );
            return None;
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let base = path::place(base, index);
            let Some(item) = self.mount(&base, item) else {
                continue;
            };
            let key = item
                .get("mountPath")
                .and_then(Value::as_str)
                .map(text::mount_key);
            if key.is_some_and(|key| !seen.insert(key)) {
                let message = "another entry already mounts there";
                self.faults.add(
                    path::member(&base, "mountPath"),
                    FaultCode::Duplicate,
                    message,
                );
            } else {
                kept.push(item);
            }
        }
        Some(Value::Array(kept))
    }

    fn mount(&mut self, base: &str, item: &Value) -> Option<Value> {
        // `null` in a mount is as good as left out: a mount is replaced whole, never patched.
        let kept = self.members(base, item, |this, path, key, value| match key {
            "storageId" => this.free_text(path, value, 256),
            "storageType" => this.choice(path, value, StorageType::WORDS),
            "fileDirectory" => this.free_text(path, value, 4096),
            "mountPath" => this.absolute_path(path, value),
            "onlyRead" => this.boolean(path, value),
            "remove" if this.mode == Mode::Request => this.boolean(path, value),
            _ => this.unknown(path, value, 1),
        })?;
        let kept: Map<String, Value> = kept
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let given = item.get("mountPath").is_some_and(|path| !path.is_null());
        if !given {
            self.faults.add(
                path::member(base, "mountPath"),
                FaultCode::Required,
                "says where the workers see the storage, as an absolute path",
            );
            return None;
        }
        Some(Value::Object(kept))
    }
}

/// The whole number that a JSON number is: 3 and 3.0, not 3.5.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within 2^53 and without a fraction"
        )]
        exact.then_some(number as i64)
    })
}

/// Keys of a free-form object that are probably misspelt ones of ours, with what was meant.
pub(super) fn suspicious_keys<'a>(
    object: &'a Map<String, Value>,
    known: &[&'static str],
) -> Vec<(&'a str, &'static str)> {
    object
        .keys()
        .filter(|key| !known.contains(&key.as_str()))
        .filter_map(|key| {
            crate::fault::nearest(key, known.iter().copied()).map(|meant| (key.as_str(), meant))
        })
        .collect()
}

/// The known keys of the two free-form lists, for the warnings.
pub(super) const KNOWN_KEYS: (&[&str], &[&str]) = (RESOURCE_KEYS, MOUNT_KEYS);
