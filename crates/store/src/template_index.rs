//! What lists of templates are answered from: the rows once more in memory, small and quick to walk over.
//!
//! It holds no truth. It is read from the rows when the store opens and then told by the writer what changed, after the
//! commit is on the disk and before the change is answered: whoever reads after an answer sees it, and what was undone
//! is never seen. Why it is not SQL that searches stands in `docs/adr/0007-template-index.md`.

mod column;
mod entries;
mod entry;
mod find;
mod fold;
mod load;
mod order;
mod slots;
mod words;

pub(crate) use entry::{Id, Listing, Text};
pub(crate) use find::Found;

use std::sync::{PoisonError, RwLock};

use entries::Entries;
use trainyard_domain::time::Millis;

use crate::{PageRequest, TemplateFilter};

/// The template index of one store's templates.
#[derive(Default)]
pub(crate) struct TemplateIndex {
    index: RwLock<Entries>,
}

/// What a kept change means for the template index.
pub(crate) enum TemplateChange {
    /// A template was made.
    Created(Listing),
    /// A template says something else now.
    Changed(Listing),
    /// A job was made from a template, if it is there.
    Used { id: Id, at: Millis },
    /// A template is gone, if it was there.
    Deleted(Id),
}

impl TemplateIndex {
    /// Follows what was committed together, in its order; nobody sees a part of it.
    pub(crate) fn hear(&self, news: Vec<TemplateChange>) {
        if news.is_empty() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for one in news {
            match one {
                TemplateChange::Created(listing) => index.insert(&listing),
                TemplateChange::Changed(listing) => index.change(&listing),
                TemplateChange::Used { id, at } => index.note_use(&id, at),
                TemplateChange::Deleted(id) => index.remove(&id),
            }
        }
    }

    /// The ids of a page of what a filter lets through, and how many that are in all.
    pub(crate) fn find(&self, filter: &TemplateFilter, page: PageRequest) -> Found {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        find::find(&index, filter, page)
    }
}
