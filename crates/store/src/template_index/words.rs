//! Words that many entries share (projects, users, training types, frameworks), each kept once and known by a number.
//!
//! None is ever forgotten: there are only as many as keys and the contract have names for.

use std::{collections::HashMap, num::NonZeroU32};

/// The number of a word; equal if and only if the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(NonZeroU32);

/// All words so far.
#[derive(Default)]
pub(super) struct Words {
    numbers: HashMap<Box<str>, Word>,
}

impl Words {
    /// The number of a word that an entry has; `None` where no entry ever had it.
    pub(super) fn find(&self, text: &str) -> Option<Word> {
        self.numbers.get(text).copied()
    }

    /// The number of a word, which is kept if it is new.
    pub(super) fn keep(&mut self, text: &str) -> Word {
        if let Some(word) = self.find(text) {
            return word;
        }
        let earlier = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let word = Word(NonZeroU32::MIN.saturating_add(earlier));
        self.numbers.insert(text.into(), word);
        word
    }
}
