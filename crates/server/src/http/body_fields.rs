//! Reads small JSON bodies field by field and collects all faults before the call is refused.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::Visibility,
    fault::{FaultCode, Faults, did_you_mean},
    job_spec::{Bounds, whole_number},
    path,
    text::Name,
};

use crate::failure::Failure;

/// A body that a handler reads field by field. Each method notes the fault of its field and returns `None` for it.
pub(super) struct BodyFields<'b> {
    object: &'b Map<String, Value>,
    faults: Faults,
}

/// A fault of one field: its code and the rule that the value breaks.
pub(super) type FieldError = (FaultCode, String);

/// A fault for a text of the wrong form.
pub(super) fn malformed(message: &str) -> FieldError {
    (FaultCode::Malformed, message.to_owned())
}

/// Reads one of a list of words; the fault suggests the nearest word.
pub(super) fn one_of<T>(word: &str, words: &[&str], parse: fn(&str) -> Option<T>) -> Result<T, FieldError> {
    parse(word).ok_or_else(|| {
        let hint = did_you_mean(word, words.iter().copied());
        (FaultCode::NotAChoice, format!("must be one of {}{hint}", words.join(", ")))
    })
}

impl<'b> BodyFields<'b> {
    /// Starts to read a body, which must be an object. Notes a fault for each field that is not in `known`.
    pub(super) fn of(body: &'b Value, known: &[&str]) -> Result<Self, Failure> {
        let mut faults = Faults::default();
        let Some(object) = body.as_object() else {
            faults.add("", FaultCode::WrongType, "the body must be a JSON object");
            return Err(Failure::BadBody(faults.into_vec()));
        };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = faults.hint(key, known.iter().copied());
            faults.add(path::member("", key), FaultCode::UnknownField, format!("no such field{hint}"));
        }
        Ok(Self { object, faults })
    }

    /// A required text.
    pub(super) fn required<T>(&mut self, field: &str, read: impl FnOnce(&str) -> Result<T, FieldError>) -> Option<T> {
        self.require(field);
        self.optional(field, read)
    }

    /// An optional text.
    pub(super) fn optional<T>(&mut self, field: &str, read: impl FnOnce(&str) -> Result<T, FieldError>) -> Option<T> {
        let read = match self.value(field)? {
            Value::String(text) => read(text),
            _ => Err((FaultCode::WrongType, "must be text".to_owned())),
        };
        read.map_err(|(code, message)| self.faults.add(field, code, message)).ok()
    }

    /// The required field `name`.
    pub(super) fn name(&mut self) -> Option<Name> {
        self.required("name", |text| Name::parse(text).map_err(malformed))
    }

    /// The optional field `visibility`.
    pub(super) fn visibility(&mut self) -> Option<Visibility> {
        self.optional("visibility", |word| one_of(word, Visibility::WORDS, Visibility::parse))
    }

    /// A required whole number of 1 or more.
    pub(super) fn required_count(&mut self, field: &str) -> Option<u32> {
        self.require(field);
        self.count(field)
    }

    /// An optional whole number of 1 or more.
    pub(super) fn count(&mut self, field: &str) -> Option<u32> {
        let value = self.value(field)?;
        let count = whole_number(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        if count.is_none() {
            let code = if value.is_number() { FaultCode::OutOfRange } else { FaultCode::WrongType };
            self.faults.add(field, code, "must be a whole number of 1 or more");
        }
        count
    }

    /// A required field that is `null` or a whole number within bounds.
    pub(super) fn number_or_null(&mut self, field: &str, bounds: Bounds) -> Option<u64> {
        let value = match self.object.get(field) {
            None => {
                self.faults.add(field, FaultCode::Required, "must be given: a number or `null`");
                return None;
            }
            Some(Value::Null) => return None,
            Some(value) => value,
        };
        let number = whole_number(value).filter(|number| bounds.contains(*number));
        let number = number.and_then(|number| u64::try_from(number).ok());
        if number.is_none() {
            let code = if value.is_number() { FaultCode::OutOfRange } else { FaultCode::WrongType };
            self.faults.add(field, code, format!("must be a whole number {bounds}, or `null`"));
        }
        number
    }

    /// An optional Boolean, by default `false`.
    pub(super) fn flag(&mut self, field: &str) -> bool {
        match self.value(field) {
            None => false,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                self.faults.add(field, FaultCode::WrongType, "must be `true` or `false`");
                false
            }
        }
    }

    /// Returns the value if no fault was noted, or else all faults.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Failure> {
        self.faults.into_result(value).map_err(Failure::BadBody)
    }

    /// All noted faults, for a handler that lacks a required value.
    pub(super) fn into_failure(self) -> Failure {
        Failure::BadBody(self.faults.into_vec())
    }

    fn require(&mut self, field: &str) {
        if self.value(field).is_none() {
            self.faults.add(field, FaultCode::Required, "must be given");
        }
    }

    fn value(&self, field: &str) -> Option<&'b Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }
}
