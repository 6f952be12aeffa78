//! The list of values that an import could not translate. It is in the order of finding and has a limit; a cut list says so.

use std::collections::BTreeSet;

/// The maximum number of entries that one import lists; a last entry may follow that counts the rest.
pub const MOST_UNMAPPED: usize = 200;
/// The maximum number of characters of a value that an entry shows, before `…`.
const MOST_CHARS: usize = 500;

/// A value of the source that a template cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// Where the value is in the source: a path, an option such as `--qos`, or `line 5`.
    pub path: String,
    /// The value, cut after 500 characters.
    pub value: String,
    /// Why the value is not in the template, and what to do about it.
    pub why: String,
}

/// Collects entries; past [`MOST_UNMAPPED`] they are only counted.
#[derive(Debug, Default)]
pub(super) struct Listing {
    entries: Vec<Unmapped>,
    seen: BTreeSet<(String, String, String)>,
    unlisted: usize,
}

impl Listing {
    /// Adds an entry, unless the same entry is listed already.
    pub(super) fn add(&mut self, path: impl Into<String>, value: &str, why: impl Into<String>) {
        let (path, value, why) = (path.into(), shown(value), why.into());
        if !self.seen.insert((path.clone(), value.clone(), why.clone())) {
            return;
        }
        if self.entries.len() < MOST_UNMAPPED {
            self.entries.push(Unmapped { path, value, why });
        } else {
            self.unlisted += 1;
        }
    }

    /// All entries; if some were not listed, a last entry says how many.
    pub(super) fn into_vec(mut self) -> Vec<Unmapped> {
        if self.unlisted > 0 {
            self.entries.push(Unmapped {
                path: String::new(),
                value: self.unlisted.to_string(),
                why: format!("{} more values are not listed; a template cannot express them", self.unlisted),
            });
        }
        self.entries
    }
}

/// A value as an entry shows it: cut at the limit.
fn shown(value: &str) -> String {
    match value.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
