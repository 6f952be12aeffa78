//! The entries, each in a numbered slot, their texts in columns of 64, and how two entries compare.

use std::cmp::Ordering;

use super::{
    column::{Column, ROWS},
    entry::Entry,
    filter::SortBy,
    text::Text,
};

/// The entries in no order; some slots are empty.
#[derive(Default)]
pub(super) struct EntrySlots {
    entries: Vec<Option<Entry>>,
    /// One element for every 64 entries.
    texts: Vec<Texts>,
}

/// The texts of 64 entries.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) names: Column,
    pub(super) rest: Column,
    pub(super) labels: Column,
}

impl EntrySlots {
    /// The slot after the last one.
    pub(super) fn end(&self) -> u32 {
        // Four billion entries do not fit into memory.
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    pub(super) fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    /// The folded name of an entry.
    pub(super) fn name(&self, slot: u32) -> &[u8] {
        let texts = self.texts.get(slot as usize / ROWS);
        texts.map(|texts| texts.names.get(slot as usize % ROWS)).unwrap_or_default()
    }

    /// Puts an entry into an existing slot or the next new one.
    pub(super) fn put(&mut self, slot: u32, entry: Entry, text: &Text) {
        match self.entries.get_mut(slot as usize) {
            Some(existing) => *existing = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        if self.texts.len() * ROWS < self.entries.len() {
            self.texts.push(Texts::default());
        }
        self.write(slot, &text.name, &text.rest, &text.labels);
    }

    /// Empties a slot.
    pub(super) fn clear(&mut self, slot: u32) {
        if let Some(existing) = self.entries.get_mut(slot as usize) {
            *existing = None;
        }
        self.write(slot, &[], &[], &[]);
    }

    fn write(&mut self, slot: u32, name: &[u8], rest: &[u8], labels: &[u8]) {
        let row = slot as usize % ROWS;
        if let Some(texts) = self.texts.get_mut(slot as usize / ROWS) {
            texts.names.set(row, name);
            texts.rest.set(row, rest);
            texts.labels.set(row, labels);
        }
    }

    /// The entries in blocks of 64 (the last block may be smaller), with their texts.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&[Option<Entry>], &Texts)> {
        self.entries.chunks(ROWS).zip(&self.texts)
    }

    /// All slots that hold entries, in an order.
    pub(super) fn sorted(&self, by: SortBy) -> Vec<u32> {
        match by {
            SortBy::Name => self.sorted_by_key(|slot, _| self.name(slot)),
            SortBy::Created => self.sorted_by_key(|_, entry| entry.created),
            SortBy::Updated => self.sorted_by_key(|_, entry| entry.updated),
            SortBy::LastUsed => self.sorted_by_key(|_, entry| entry.last_used),
            SortBy::JobsMade => self.sorted_by_key(|_, entry| entry.jobs_made),
        }
    }

    /// Sorts copies of the keys: keys side by side are compared several times as quickly as keys inside the entries.
    fn sorted_by_key<K: Ord>(&self, key: impl Fn(u32, &Entry) -> K) -> Vec<u32> {
        let keyed = |slot| self.entry(slot).map(|entry| (key(slot, entry), entry.id, slot));
        let mut keyed: Vec<_> = (0..self.end()).filter_map(keyed).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, _, slot)| slot).collect()
    }

    /// The order of two slots that hold entries; equal only if they are the same slot.
    pub(super) fn compare(&self, by: SortBy, one: u32, other: u32) -> Ordering {
        let (Some(left), Some(right)) = (self.entry(one), self.entry(other)) else {
            return Ordering::Equal;
        };
        let first = match by {
            SortBy::Name => self.name(one).cmp(self.name(other)),
            SortBy::Created => left.created.cmp(&right.created),
            SortBy::Updated => left.updated.cmp(&right.updated),
            SortBy::LastUsed => left.last_used.cmp(&right.last_used),
            SortBy::JobsMade => left.jobs_made.cmp(&right.jobs_made),
        };
        first.then_with(|| left.id.cmp(&right.id))
    }
}
