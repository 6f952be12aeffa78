//! Faults: what is wrong with a request, as the path of the field, a code for programs and a sentence for people.
//!
//! A sentence names the rule and the remedy. Checks collect all faults of a request before they report any.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::choice::choice;

choice!(
    /// The rule that a value breaks, for programs; the word is the code as responses contain it.
    FaultCode {
        /// A value that must be there is missing.
        Required = "required",
        /// No field of this name exists.
        UnknownField = "unknown_field",
        /// The JSON type is not the type of this field.
        WrongType = "wrong_type",
        /// A number or a length is outside its bounds.
        OutOfRange = "out_of_range",
        /// Text does not have the form that this field needs.
        Malformed = "malformed",
        /// A word is not one of the words that this field takes.
        NotAChoice = "not_a_choice",
        /// Two entries have the same key, or two mounts overlap.
        Duplicate = "duplicate",
        /// An environment variable that only the launch sets.
        Reserved = "reserved",
        /// The author of the template has locked this path.
        Locked = "locked",
        /// This server has no compute centre, product, storage or template version with this name.
        Unknown = "unknown",
        /// The job needs more than the compute centre has in total, so it would wait forever.
        NeverFits = "never_fits",
        /// The field is not allowed here, or the engine of the compute centre cannot do this.
        NotSupported = "not_supported",
        /// The value is allowed but probably a mistake; only a warning.
        Suspicious = "suspicious",
    }
);

/// One fault of a request, or one reason why a template is not runnable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The path of the field, such as `resource.gpuCount`; empty for the whole body.
    pub path: String,
    /// The rule that is broken.
    pub code: FaultCode,
    /// A sentence for people: the rule and the remedy.
    pub message: String,
}

/// The maximum number of faults that one response lists, so that a body with thousands of faults gets a short response.
pub const MAX_FAULTS: usize = 200;

/// Collects the faults of a request, so that one response reports them all.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    unlisted: usize,
}

impl Faults {
    /// Adds a fault. After [`MAX_FAULTS`] faults, further ones are only counted.
    pub fn add(&mut self, path: impl Into<String>, code: FaultCode, message: impl Into<String>) {
        if self.list.len() < MAX_FAULTS {
            self.list.push(Fault { path: path.into(), code, message: message.into() });
        } else {
            self.unlisted += 1;
        }
    }

    /// The result of [`did_you_mean`], or nothing once faults are only counted: thousands of searches would take too long.
    pub fn hint<'a>(&self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        if self.list.len() < MAX_FAULTS { did_you_mean(wrong, known) } else { String::new() }
    }

    /// Whether there is no fault.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All faults in the order in which they were found; a last one gives the number of faults that are not listed.
    pub fn into_vec(mut self) -> Vec<Fault> {
        if self.unlisted > 0 {
            self.list.push(Fault {
                path: String::new(),
                code: FaultCode::OutOfRange,
                message: format!("{} more faults are not listed; fix these first", self.unlisted),
            });
        }
        self.list
    }

    /// The value if there is no fault, else all faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.is_empty() { Ok(value) } else { Err(self.into_vec()) }
    }
}

/// `; did you mean …?` with the known name nearest to a wrong one, or nothing if no known name is near.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The known name nearest to a wrong one, if the distance is small enough for a typing error.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name far longer than every field name is no typing error, and comparing it would take long.
    if wrong.chars().count() > 64 {
        return None;
    }
    let lower = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
