//! All entries, found by their ids and sorted in each order that lists have.
//!
//! Invariant: a slot holds an entry if and only if `by_id` has its id, and then each order has the slot once, sorted.

use std::collections::HashMap;

use trainyard_domain::time::WallTime;

use super::{
    entry::{Entry, Id, Listing, Words},
    filter::SortBy,
    order::Order,
    slots::EntrySlots,
};

const ALL_ORDERS: [SortBy; 5] = [SortBy::Name, SortBy::Created, SortBy::Updated, SortBy::LastUsed, SortBy::JobsMade];

/// The entries of all templates.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) words: Words,
    pub(super) slots: EntrySlots,
    /// Empty slots for new entries.
    free: Vec<u32>,
    by_id: HashMap<Id, u32>,
    orders: Orders,
}

#[derive(Default)]
struct Orders {
    name: Order,
    created: Order,
    updated: Order,
    last_used: Order,
    jobs_made: Order,
}

impl Orders {
    fn by_mut(&mut self, by: SortBy) -> &mut Order {
        match by {
            SortBy::Name => &mut self.name,
            SortBy::Created => &mut self.created,
            SortBy::Updated => &mut self.updated,
            SortBy::LastUsed => &mut self.last_used,
            SortBy::JobsMade => &mut self.jobs_made,
        }
    }
}

impl Entries {
    /// The slots of all entries in an order.
    pub(super) fn order(&self, by: SortBy) -> &Order {
        match by {
            SortBy::Name => &self.orders.name,
            SortBy::Created => &self.orders.created,
            SortBy::Updated => &self.orders.updated,
            SortBy::LastUsed => &self.orders.last_used,
            SortBy::JobsMade => &self.orders.jobs_made,
        }
    }

    /// Adds an entry that no list shows before [`Self::sort`].
    pub(super) fn add(&mut self, listing: &Listing) {
        self.put(listing);
    }

    /// Sorts all added entries at once, which is quicker than to keep them sorted.
    pub(super) fn sort(&mut self) {
        for by in ALL_ORDERS {
            *self.orders.by_mut(by) = Order::from_sorted(&self.slots.sorted(by));
        }
    }

    pub(super) fn insert(&mut self, listing: &Listing) {
        let slot = self.put(listing);
        for by in ALL_ORDERS {
            self.insert_into(by, slot);
        }
    }

    fn put(&mut self, listing: &Listing) -> u32 {
        let slot = self.free.pop().unwrap_or(self.slots.end());
        self.by_id.insert(listing.id, slot);
        self.slots.put(slot, Entry::new(listing, &mut self.words), &listing.text);
        slot
    }

    /// Replaces an entry; project, owner, time of creation and counts of use stay.
    pub(super) fn change(&mut self, listing: &Listing) {
        let Some((slot, now)) = self.find(&listing.id) else {
            return;
        };
        let (project, owner, created) = (now.project, now.owner, now.created);
        let (jobs_made, last_used) = (now.jobs_made, now.last_used);
        let differs = (self.slots.name(slot) != listing.text.name, now.updated != listing.updated);
        let next = Entry::new(listing, &mut self.words);
        let next = Entry { project, owner, created, jobs_made, last_used, ..next };
        let affected: &[SortBy] = match differs {
            (true, true) => &[SortBy::Name, SortBy::Updated],
            (true, false) => &[SortBy::Name],
            (false, true) => &[SortBy::Updated],
            (false, false) => &[],
        };
        self.reordering(affected, slot, |entries| entries.slots.put(slot, next, &listing.text));
    }

    pub(super) fn note_use(&mut self, id: &Id, at: WallTime) {
        let Some((slot, _)) = self.find(id) else {
            return;
        };
        self.reordering(&[SortBy::JobsMade, SortBy::LastUsed], slot, |entries| {
            if let Some(entry) = entries.slots.entry_mut(slot) {
                entry.jobs_made += 1;
                entry.last_used = entry.last_used.max(Some(at));
            }
        });
    }

    pub(super) fn remove(&mut self, id: &Id) {
        let Some((slot, _)) = self.find(id) else {
            return;
        };
        for by in ALL_ORDERS {
            self.remove_from(by, slot);
        }
        self.by_id.remove(id);
        self.slots.clear(slot);
        self.free.push(slot);
    }

    fn find(&self, id: &Id) -> Option<(u32, &Entry)> {
        let slot = *self.by_id.get(id)?;
        Some((slot, self.slots.entry(slot)?))
    }

    /// Makes a change that alters the position of a slot in some orders.
    fn reordering(&mut self, orders: &[SortBy], slot: u32, change: impl FnOnce(&mut Self)) {
        for by in orders {
            self.remove_from(*by, slot);
        }
        change(self);
        for by in orders {
            self.insert_into(*by, slot);
        }
    }

    fn insert_into(&mut self, by: SortBy, slot: u32) {
        let Self { slots, orders, .. } = self;
        orders.by_mut(by).insert(slot, |other| slots.compare(by, other, slot).is_lt());
    }

    fn remove_from(&mut self, by: SortBy, slot: u32) {
        let Self { slots, orders, .. } = self;
        orders.by_mut(by).remove(slot, |other| slots.compare(by, other, slot).is_lt());
    }
}
