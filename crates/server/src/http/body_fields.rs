//! Reads small bodies field by field, so that all faults come at once.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::Visibility,
    fault::{FaultCode, Faults, did_you_mean},
    job_spec::{Bounds, whole_number},
    path,
    text::Name,
};

use crate::failure::Failure;

/// The fields of a body, each read by its own rule; what breaks one is noted.
pub(super) struct BodyFields<'b> {
    object: &'b Map<String, Value>,
    faults: Faults,
}

/// A rule that a text breaks.
pub(super) type FieldError = (FaultCode, String);

/// A text that is not of the form that its field wants.
pub(super) fn malformed(message: &str) -> FieldError {
    (FaultCode::Malformed, message.to_owned())
}

/// One of some words.
pub(super) fn one_of<T>(word: &str, words: &[&str], parse: fn(&str) -> Option<T>) -> Result<T, FieldError> {
    parse(word).ok_or_else(|| {
        let hint = did_you_mean(word, words.iter().copied());
        (FaultCode::NotAChoice, format!("must be one of {}{hint}", words.join(", ")))
    })
}

impl<'b> BodyFields<'b> {
    /// Takes an object; fields that are not among the known ones are faults.
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

    /// A text that must be there.
    pub(super) fn required<T>(&mut self, field: &str, read: impl FnOnce(&str) -> Result<T, FieldError>) -> Option<T> {
        self.require(field);
        self.optional(field, read)
    }

    /// A text that may be there.
    pub(super) fn optional<T>(&mut self, field: &str, read: impl FnOnce(&str) -> Result<T, FieldError>) -> Option<T> {
        let read = match self.value(field)? {
            Value::String(text) => read(text),
            _ => Err((FaultCode::WrongType, "must be text".to_owned())),
        };
        read.map_err(|(code, message)| self.faults.add(field, code, message)).ok()
    }

    /// The name of what is to be made.
    pub(super) fn name(&mut self) -> Option<Name> {
        self.required("name", |text| Name::parse(text).map_err(malformed))
    }

    /// Who may see it.
    pub(super) fn visibility(&mut self) -> Option<Visibility> {
        self.optional("visibility", |word| one_of(word, Visibility::WORDS, Visibility::parse))
    }

    /// A whole number from 1 that must be there.
    pub(super) fn required_count(&mut self, field: &str) -> Option<u32> {
        self.require(field);
        self.count(field)
    }

    /// A whole number from 1.
    pub(super) fn count(&mut self, field: &str) -> Option<u32> {
        let value = self.value(field)?;
        let count = whole_number(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        if count.is_none() {
            let code = if value.is_number() { FaultCode::OutOfRange } else { FaultCode::WrongType };
            self.faults.add(field, code, "must be a whole number from 1");
        }
        count
    }

    /// A whole number within bounds or `null`, one of which must be there.
    pub(super) fn number_or_null(&mut self, field: &str, bounds: Bounds) -> Option<u64> {
        let value = match self.object.get(field) {
            None => {
                self.faults.add(field, FaultCode::Required, "must be given, a number or `null`");
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

    /// `true` or `false`; `false` where nothing is said.
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

    /// What was read, where nothing is wrong with it.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Failure> {
        self.faults.into_result(value).map_err(Failure::BadBody)
    }

    /// Everything that is wrong.
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
