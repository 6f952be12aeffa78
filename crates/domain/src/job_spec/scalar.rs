//! Checks of single values: each answers the value as it was sent, or notes which rule it breaks and answers nothing.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::check::Checker;
use crate::{
    fault::{FaultCode, did_you_mean},
    text::{check_absolute_path, check_free_text, check_kernel_text},
};

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

    /// A whole number; one written as `3.0` is kept as `3`, which is the same number.
    pub(super) fn integer(&mut self, path: &str, value: &Value, bounds: RangeInclusive<i64>) -> Option<Value> {
        if !value.is_number() {
            self.wrong_type(path, value, "a whole number");
            return None;
        }
        if let Some(number) = whole(value).filter(|number| bounds.contains(number)) {
            return Some(Value::from(number));
        }
        let (low, high) = (bounds.start(), bounds.end());
        self.faults.add(path, FaultCode::OutOfRange, format!("must be a whole number from {low} to {high}"));
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

    pub(super) fn free_text(&mut self, path: &str, value: &Value, most: usize) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, check_free_text(text, most))
    }

    pub(super) fn kernel_text(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, check_kernel_text(text))
    }

    pub(super) fn absolute_path(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        self.keep(path, value, check_absolute_path(text))
    }

    pub(super) fn image(&mut self, path: &str, value: &Value) -> Option<Value> {
        let text = self.text(path, value)?;
        let fits = text.len() <= 1024 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        let result = if fits { Ok(()) } else { Err("must have at most 1,024 bytes and no spaces") };
        self.keep(path, value, result)
    }

    /// The value where the rule holds, else its message as a fault.
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

/// The whole number that a JSON number is: 3 and 3.0, not 3.5.
pub fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        let exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
        #[expect(clippy::cast_possible_truncation, reason = "within 2^53 and without a fraction")]
        exact.then_some(number as i64)
    })
}
