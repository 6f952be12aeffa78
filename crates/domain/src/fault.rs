//! What is wrong with something a person sent, said so that the person can mend it: where, which rule, what to do.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Which rule a value breaks; programs read this, people read the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A value that must be there is missing.
    Required,
    /// No field of this name exists.
    UnknownField,
    /// The JSON type is not the one of this field.
    WrongType,
    /// A number or a length outside its bounds.
    OutOfRange,
    /// Text that is not of the form this field wants.
    Malformed,
    /// Not one of the listed words.
    NotAChoice,
    /// Two entries claim the same place.
    Duplicate,
    /// A name that the launch sets itself.
    Reserved,
    /// A template's author has fixed this path.
    Locked,
    /// This server knows no such thing (centre, product, template version).
    Unknown,
    /// More than the centre has in all: it would wait for ever.
    NeverFits,
    /// The engine of the centre cannot do this.
    NotSupported,
    /// Allowed, but probably not what was meant.
    Suspicious,
}

impl FaultCode {
    /// The code as it stands in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::Malformed => "malformed",
            Self::NotAChoice => "not_a_choice",
            Self::Duplicate => "duplicate",
            Self::Reserved => "reserved",
            Self::Locked => "locked",
            Self::Unknown => "unknown",
            Self::NeverFits => "never_fits",
            Self::NotSupported => "not_supported",
            Self::Suspicious => "suspicious",
        }
    }
}

/// One fault of a request, or one thing that keeps a template from being runnable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where, in the caller's own spelling (`resource.gpuCount`).
    pub path: String,
    /// Which rule.
    pub code: FaultCode,
    /// The rule and the way out, as a sentence.
    pub message: String,
}

/// The most faults that one answer lists; a body of a thousand mistakes needs no thousand lines to be refused.
pub const MOST_FAULTS: usize = 200;

/// Collects faults, so that a caller learns all of them at once.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    unlisted: usize,
}

impl Faults {
    /// Notes one fault; past [`MOST_FAULTS`] they are only counted.
    pub fn add(&mut self, path: impl Into<String>, code: FaultCode, message: impl Into<String>) {
        if self.list.len() < MOST_FAULTS {
            self.list.push(Fault { path: path.into(), code, message: message.into() });
        } else {
            self.unlisted += 1;
        }
    }

    /// What [`did_you_mean`] says, while faults are still listed: for thousands of wrong names nobody waits.
    pub fn hint<'a>(&self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        if self.list.len() < MOST_FAULTS { did_you_mean(wrong, known) } else { String::new() }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in the order of finding; a last one says how many more there were.
    pub fn into_vec(mut self) -> Vec<Fault> {
        if self.unlisted > 0 {
            self.list.push(Fault {
                path: String::new(),
                code: FaultCode::OutOfRange,
                message: format!("{} more faults are not listed; mend these first", self.unlisted),
            });
        }
        self.list
    }

    /// The value where nothing is wrong, else everything that is.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.is_empty() { Ok(value) } else { Err(self.into_vec()) }
    }
}

/// ` (did you mean …?)` with the known name nearest to a wrong one, or nothing where none is near.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The known name nearest to a wrong one, where one is near enough to be meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name far longer than any of ours is no slip of the fingers, and comparing it would cost time.
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
