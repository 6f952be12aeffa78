//! The entries, each at a place of its own, and their texts in columns of 64; who stands before whom.

use std::cmp::Ordering;

use super::{
    column::{Column, ROWS},
    entry::{Entry, Text},
};
use crate::SortBy;

/// The entries, in no order; some places are empty.
#[derive(Default)]
pub(super) struct EntrySlots {
    entries: Vec<Option<Entry>>,
    /// One for every 64 entries.
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
    /// The place behind the last one.
    pub(super) fn end(&self) -> u32 {
        // There is no memory for four billion entries.
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn entry(&self, place: u32) -> Option<&Entry> {
        self.entries.get(place as usize)?.as_ref()
    }

    pub(super) fn entry_mut(&mut self, place: u32) -> Option<&mut Entry> {
        self.entries.get_mut(place as usize)?.as_mut()
    }

    /// The name at a place, as it is searched.
    pub(super) fn name(&self, place: u32) -> &[u8] {
        let texts = self.texts.get(place as usize / ROWS);
        texts.map(|texts| texts.names.get(place as usize % ROWS)).unwrap_or_default()
    }

    /// Puts an entry at a place, which is there or the next one.
    pub(super) fn put(&mut self, place: u32, entry: Entry, text: &Text) {
        match self.entries.get_mut(place as usize) {
            Some(there) => *there = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        if self.texts.len() * ROWS < self.entries.len() {
            self.texts.push(Texts::default());
        }
        self.write(place, &text.name, &text.rest, &text.labels);
    }

    /// Makes a place empty.
    pub(super) fn clear(&mut self, place: u32) {
        if let Some(there) = self.entries.get_mut(place as usize) {
            *there = None;
        }
        self.write(place, &[], &[], &[]);
    }

    fn write(&mut self, place: u32, name: &[u8], rest: &[u8], labels: &[u8]) {
        let row = place as usize % ROWS;
        if let Some(texts) = self.texts.get_mut(place as usize / ROWS) {
            texts.names.set(row, name);
            texts.rest.set(row, rest);
            texts.labels.set(row, labels);
        }
    }

    /// The entries by 64, the last ones fewer, with their texts.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&[Option<Entry>], &Texts)> {
        self.entries.chunks(ROWS).zip(&self.texts)
    }

    /// All places that hold entries, in an order.
    pub(super) fn sorted(&self, by: SortBy) -> Vec<u32> {
        match by {
            SortBy::Name => self.sorted_by_key(|place, _| self.name(place)),
            SortBy::Created => self.sorted_by_key(|_, entry| entry.created),
            SortBy::Updated => self.sorted_by_key(|_, entry| entry.updated),
            SortBy::LastUsed => self.sorted_by_key(|_, entry| entry.last_used),
            SortBy::JobsMade => self.sorted_by_key(|_, entry| entry.jobs_made),
        }
    }

    /// Keys that lie side by side are compared several times as quickly as those of entries here and there.
    fn sorted_by_key<K: Ord>(&self, key: impl Fn(u32, &Entry) -> K) -> Vec<u32> {
        let keyed = |place| self.entry(place).map(|entry| (key(place, entry), entry.id, place));
        let mut keyed: Vec<_> = (0..self.end()).filter_map(keyed).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, _, place)| place).collect()
    }

    /// The order of two places that hold entries; equal only where they are one.
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
