//! The account of a script's options: every option is translated or listed, so that none is lost.

use super::{
    directive::{Given, Script},
    reason,
};
use crate::unmapped::Listing;

/// What the import did with an option.
enum Outcome {
    /// No code has handled the option; it is listed with a reason by its name.
    Unhandled,
    /// A field of the template has its value.
    Translated,
    /// The import lists the option with this reason.
    Listed(String),
}

/// All options of a script, in their order.
pub(super) struct Account<'s> {
    entries: Vec<(&'s Given, Outcome)>,
}

/// An option in the account, with its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'s> {
    index: usize,
    /// The value; empty for an option without one.
    pub(super) value: &'s str,
}

impl Entry<'_> {
    /// Whether this option comes after another one in the script.
    pub(super) fn is_after(self, other: Self) -> bool {
        self.index > other.index
    }
}

impl<'s> Account<'s> {
    /// An account in which no option is handled yet.
    pub(super) fn of(script: &'s Script<'_>) -> Self {
        Self { entries: script.options.iter().map(|given| (given, Outcome::Unhandled)).collect() }
    }

    /// The last option of this name, which is the one that counts. Earlier ones are listed.
    pub(super) fn last(&mut self, name: &str) -> Option<Entry<'s>> {
        let mut last = None;
        for (index, (given, outcome)) in self.entries.iter_mut().enumerate().rev() {
            if given.name != name {
                continue;
            }
            match last {
                None => last = Some(Entry { index, value: given.value.as_deref().unwrap_or_default() }),
                Some(_) => {
                    *outcome =
                        Outcome::Listed("the same option follows further down; only the last one counts".to_owned())
                }
            }
        }
        last
    }

    /// Marks an option as translated.
    pub(super) fn mark_translated(&mut self, entry: Entry<'_>) {
        self.set(entry, Outcome::Translated);
    }

    /// Lists an option with this reason, even if a field has its value.
    pub(super) fn explain(&mut self, entry: Entry<'_>, why: impl Into<String>) {
        self.set(entry, Outcome::Listed(why.into()));
    }

    fn set(&mut self, entry: Entry<'_>, new: Outcome) {
        if let Some((_, outcome)) = self.entries.get_mut(entry.index) {
            *outcome = new;
        }
    }

    /// Adds every option that is not translated to the list.
    pub(super) fn list_rest(self, out: &mut Listing) {
        for (given, outcome) in self.entries {
            let why = match outcome {
                Outcome::Translated => continue,
                Outcome::Listed(why) => why,
                Outcome::Unhandled => reason::of_option(&given.name).to_owned(),
            };
            let path = given.written.split([' ', '=']).next().unwrap_or_default();
            let path = if given.name.starts_with('-') { path.to_owned() } else { format!("--{}", given.name) };
            out.add(path, given.value.as_deref().unwrap_or_default(), why);
        }
    }
}
