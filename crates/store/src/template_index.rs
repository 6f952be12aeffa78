//! The index that answers lists of templates: a small copy of the rows in memory, quick to walk over.
//!
//! The rows are the only truth. The index is filled from them when the store opens, and after each commit it follows the
//! changes, before any of them is answered: a read after an answer sees the change, and no read sees an undone one.
//! `docs/adr/0007-template-index.md` says why no SQL statement searches.

mod column;
mod entries;
mod entry;
mod filter;
mod find;
mod order;
mod slots;
mod text;

pub use filter::{ArchivedFilter, Direction, LabelFilter, Sort, SortBy, TemplateFilter};
pub(crate) use {
    entry::{Id, Listing},
    find::Found,
    text::Text,
};

use std::sync::{PoisonError, RwLock};

use entries::Entries;
use trainyard_domain::time::WallTime;

use crate::PageRequest;

/// The index of one store's templates.
#[derive(Default)]
pub(crate) struct TemplateIndex {
    entries: RwLock<Entries>,
}

/// A committed change of a template, for the index.
pub(crate) enum TemplateChange {
    /// A template was created.
    Created(Listing),
    /// A template was updated.
    Changed(Listing),
    /// A job was created from a template, which may be deleted.
    Used { id: Id, at: WallTime },
    /// A template was deleted, if it existed.
    Deleted(Id),
}

impl TemplateIndex {
    /// Replaces all entries by those that `add_all` adds.
    pub(crate) fn fill<E>(&self, add_all: impl FnOnce(&mut dyn FnMut(&Listing)) -> Result<(), E>) -> Result<(), E> {
        let mut entries = Entries::default();
        add_all(&mut |listing| entries.add(listing))?;
        entries.sort();
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(())
    }

    /// Applies the changes of one commit, in their order; no list shows a part of them.
    pub(crate) fn apply(&self, changes: Vec<TemplateChange>) {
        if changes.is_empty() {
            return;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                TemplateChange::Created(listing) => entries.insert(&listing),
                TemplateChange::Changed(listing) => entries.change(&listing),
                TemplateChange::Used { id, at } => entries.note_use(&id, at),
                TemplateChange::Deleted(id) => entries.remove(&id),
            }
        }
    }

    /// The ids of a page of the templates that a filter lets through, and how many there are on all pages.
    pub(crate) fn find(&self, filter: &TemplateFilter, page: PageRequest) -> Found {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        find::find(&entries, filter, page)
    }
}
