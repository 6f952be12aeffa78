//! The account of a script's options: what became of each, so that none is forgotten.

use super::{
    directive::{Given, Script},
    reason,
};
use crate::unmapped::Listing;

/// What became of an option.
enum Fate {
    /// Nobody has looked at it.
    Open,
    /// It was carried over.
    Carried,
    /// It is to be listed with these words.
    Left(String),
}

/// All options of a script.
pub(super) struct Account<'s> {
    entries: Vec<(&'s Given, Fate)>,
}

/// An option's place in the account, and its value.
#[derive(Clone, Copy)]
pub(super) struct Entry<'s> {
    index: usize,
    /// The value; empty where it has none.
    pub(super) value: &'s str,
}

impl Entry<'_> {
    /// Whether it stands behind another one.
    pub(super) fn is_behind(self, other: Self) -> bool {
        self.index > other.index
    }
}

impl<'s> Account<'s> {
    /// Opens the account.
    pub(super) fn of(script: &'s Script<'_>) -> Self {
        Self { entries: script.options.iter().map(|given| (given, Fate::Open)).collect() }
    }

    /// The option of this name that counts: the last one. Those before it are left.
    pub(super) fn last(&mut self, name: &str) -> Option<Entry<'s>> {
        let mut last = None;
        for (index, (given, fate)) in self.entries.iter_mut().enumerate().rev() {
            if given.name != name {
                continue;
            }
            match last {
                None => last = Some(Entry { index, value: given.value.as_deref().unwrap_or_default() }),
                Some(_) => *fate = Fate::Left("the same option stands again further down, where it counts".to_owned()),
            }
        }
        last
    }

    /// Marks an option as carried over.
    pub(super) fn carry(&mut self, entry: Entry<'_>) {
        self.set(entry, Fate::Carried);
    }

    /// Has an option listed with these words, whether or not something was made of it.
    pub(super) fn say(&mut self, entry: Entry<'_>, why: impl Into<String>) {
        self.set(entry, Fate::Left(why.into()));
    }

    fn set(&mut self, entry: Entry<'_>, new: Fate) {
        if let Some((_, fate)) = self.entries.get_mut(entry.index) {
            *fate = new;
        }
    }

    /// Lists all that was not carried over.
    pub(super) fn list_rest(self, out: &mut Listing) {
        for (given, fate) in self.entries {
            let why = match fate {
                Fate::Carried => continue,
                Fate::Left(why) => why,
                Fate::Open => reason::of_option(&given.name).to_owned(),
            };
            let path = given.written.split([' ', '=']).next().unwrap_or_default();
            let path = if given.name.starts_with('-') { path.to_owned() } else { format!("--{}", given.name) };
            out.add(path, given.value.as_deref().unwrap_or_default(), why);
        }
    }
}
