//! One template in the index: the properties by which lists filter and order. Words that many templates share are kept
//! once and compared as numbers.

use std::{collections::HashMap, num::NonZeroU32};

use trainyard_domain::{
    access::Visibility,
    id::{ID_BYTES, TemplateId},
    time::WallTime,
};

use super::text::Text;

/// The bytes of a template's id.
pub(crate) type Id = [u8; ID_BYTES];

/// The properties of a template that the index needs, from the template's row.
pub(crate) struct Listing {
    pub(crate) id: Id,
    pub(crate) project: String,
    pub(crate) owner: String,
    pub(crate) visibility: Visibility,
    pub(crate) archived: bool,
    pub(crate) centre: Option<i64>,
    pub(crate) training_type: Option<String>,
    pub(crate) framework: Option<String>,
    pub(crate) created: WallTime,
    pub(crate) updated: WallTime,
    pub(crate) jobs_made: u64,
    pub(crate) last_used: Option<WallTime>,
    pub(crate) text: Text,
}

/// A template as the index keeps it; its texts are in columns.
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) visibility: Visibility,
    pub(super) archived: bool,
    pub(super) project: Word,
    pub(super) owner: Word,
    pub(super) training_type: Option<Word>,
    pub(super) framework: Option<Word>,
    pub(super) centre: Option<i64>,
    pub(super) created: WallTime,
    pub(super) updated: WallTime,
    pub(super) jobs_made: u64,
    pub(super) last_used: Option<WallTime>,
}

impl Entry {
    pub(super) fn new(listing: &Listing, words: &mut Words) -> Self {
        Self {
            id: listing.id,
            visibility: listing.visibility,
            archived: listing.archived,
            project: words.add(&listing.project),
            owner: words.add(&listing.owner),
            training_type: listing.training_type.as_deref().map(|word| words.add(word)),
            framework: listing.framework.as_deref().map(|word| words.add(word)),
            centre: listing.centre,
            created: listing.created,
            updated: listing.updated,
            jobs_made: listing.jobs_made,
            last_used: listing.last_used,
        }
    }

    pub(super) fn template_id(&self) -> TemplateId {
        TemplateId::from_random(self.id)
    }
}

/// The number of a project, user, training type or framework; equal if and only if the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(NonZeroU32);

/// All words so far. None is ever removed: there are only as many as keys and the contract have names for.
#[derive(Default)]
pub(super) struct Words {
    numbers: HashMap<Box<str>, Word>,
}

impl Words {
    /// The number of a word; `None` if no entry ever had it.
    pub(super) fn find(&self, text: &str) -> Option<Word> {
        self.numbers.get(text).copied()
    }

    /// The number of a word, a new one if the word is new.
    pub(super) fn add(&mut self, text: &str) -> Word {
        if let Some(word) = self.find(text) {
            return word;
        }
        let earlier = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let word = Word(NonZeroU32::MIN.saturating_add(earlier));
        self.numbers.insert(text.into(), word);
        word
    }
}
