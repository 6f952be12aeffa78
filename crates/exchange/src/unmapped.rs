//! The list of what an import could not carry over: in the order of finding, bounded, and saying so where it is cut.

use std::collections::BTreeSet;

/// The most entries that one import lists.
pub const MOST_UNMAPPED: usize = 200;
/// The most characters of a value that an entry shows.
const MOST_CHARS: usize = 500;

/// Something that the source says and a template does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// Where it stands in the source.
    pub path: String,
    /// What it says there, cut where it is long.
    pub value: String,
    /// Why it does not come along, and what to do about it.
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
    /// Lists one; what was said already, not again.
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

    /// All of them; a last one says how many more there were.
    pub(super) fn into_vec(mut self) -> Vec<Unmapped> {
        if self.unlisted > 0 {
            self.entries.push(Unmapped {
                path: String::new(),
                value: self.unlisted.to_string(),
                why: format!("{} more are not listed: the source says far more than a template can", self.unlisted),
            });
        }
        self.entries
    }
}

/// A value as an entry shows it.
fn shown(value: &str) -> String {
    match value.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
