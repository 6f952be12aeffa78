//! Checks of single values. Each check returns the value as sent, or adds a fault and returns `None`.

use serde_json::{Map, Value};

use super::{
    check::Checker,
    kind::{Bounds, TextRule},
    size::{parse_count, parse_milli},
};
use crate::fault::{FaultCode, did_you_mean};

impl Checker<'_> {
    pub(super) fn wrong_type(&mut self, path: &str, value: &Value, wanted: &str) {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a Boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.faults.add(path, FaultCode::WrongType, format!("must be {wanted}, not {found}"));
    }

    pub(super) fn text<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v str> {
        let text = value.as_str();
        if text.is_none() {
            self.wrong_type(path, value, "text");
        }
        text
    }

    pub(super) fn object<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(path, value, "an object");
        }
        object
    }

    pub(super) fn list<'v>(&mut self, path: &str, value: &'v Value, most: usize) -> Option<&'v [Value]> {
        let Some(items) = value.as_array() else {
            self.wrong_type(path, value, "a list");
            return None;
        };
        if items.len() > most {
            let message = format!("must have at most {most} entries");
            self.faults.add(path, FaultCode::OutOfRange, message);
            return None;
        }
        Some(items)
    }

    pub(super) fn boolean(&mut self, path: &str, value: &Value) -> Option<Value> {
        if !value.is_boolean() {
            self.wrong_type(path, value, "`true` or `false`");
        }
        value.is_boolean().then(|| value.clone())
    }

    /// Checks a whole number. A number sent as `3.0` is kept as `3`, which is the same number.
    pub(super) fn integer(&mut self, path: &str, value: &Value, bounds: Bounds) -> Option<Value> {
        if !value.is_number() {
            self.wrong_type(path, value, "a whole number");
            return None;
        }
        if let Some(number) = whole_number(value).filter(|number| bounds.contains(*number)) {
            return Some(Value::from(number));
        }
        self.faults.add(path, FaultCode::OutOfRange, format!("must be a whole number {bounds}"));
        None
    }

    pub(super) fn choice(&mut self, path: &str, value: &Value, words: &[&str]) -> Option<Value> {
        let word = self.text(path, value)?;
        if words.contains(&word) {
            return Some(value.clone());
        }
        let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(word, words.iter().copied());
        self.faults.add(path, FaultCode::NotAChoice, format!("must be one of {list}{hint}"));
        None
    }

    pub(super) fn text_of(&mut self, path: &str, value: &Value, rule: TextRule) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, rule.check(text))
    }

    pub(super) fn size(&mut self, path: &str, value: &Value, max: u32, unit: &str) -> Option<Value> {
        if !value.is_string() && !value.is_number() {
            self.wrong_type(path, value, "a number or a number as text");
            return None;
        }
        if parse_milli(value).is_some_and(|milli| (1..=u64::from(max) * 1000).contains(&milli)) {
            return Some(value.clone());
        }
        let message =
            format!("must be a number of {unit} from 0.001 to {max} with at most three places, such as 1 or \"0.5\"");
        self.faults.add(path, FaultCode::OutOfRange, message);
        None
    }

    pub(super) fn count(&mut self, path: &str, value: &Value, bounds: Bounds) -> Option<Value> {
        if !value.is_string() && !value.is_number() {
            self.wrong_type(path, value, "a whole number or one as text");
            return None;
        }
        if parse_count(value).is_some_and(|number| bounds.contains(number)) {
            return Some(value.clone());
        }
        self.faults.add(path, FaultCode::OutOfRange, format!("must be a whole number {bounds}"));
        None
    }

    /// The value if it keeps the rule; otherwise adds the rule as a fault.
    pub(super) fn keep<E: Into<String>>(&mut self, path: &str, value: &Value, rule: Result<(), E>) -> Option<Value> {
        match rule {
            Ok(()) => Some(value.clone()),
            Err(message) => {
                self.faults.add(path, FaultCode::Malformed, message);
                None
            }
        }
    }
}

/// The value of a JSON number that is whole, such as 3 or 3.0; `None` for 3.5 and for other types.
pub fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        let exact = number.fract() == 0.0 && number.abs() <= Bounds::MAX_EXACT as f64;
        #[expect(clippy::cast_possible_truncation, reason = "within 2^53 and without a fraction")]
        exact.then_some(number as i64)
    })
}
