//! All entries, found by their ids and walked over in any of the orders that lists have.
//!
//! Invariant: a place holds an entry if and only if `places` knows it by its id and each order holds it once, sorted.

use std::collections::HashMap;

use trainyard_domain::time::Millis;

use super::{
    entry::{Entry, Id, Listing},
    order::Order,
    slots::EntrySlots,
    words::Words,
};
use crate::SortBy;

const ALL_ORDERS: [SortBy; 5] = [SortBy::Name, SortBy::Created, SortBy::Updated, SortBy::LastUsed, SortBy::JobsMade];

/// All entries.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) words: Words,
    pub(super) slots: EntrySlots,
    /// Places to be used again.
    empty: Vec<u32>,
    places: HashMap<Id, u32>,
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
    /// The places of all entries in an order.
    pub(super) fn order(&self, by: SortBy) -> &Order {
        match by {
            SortBy::Name => &self.orders.name,
            SortBy::Created => &self.orders.created,
            SortBy::Updated => &self.orders.updated,
            SortBy::LastUsed => &self.orders.last_used,
            SortBy::JobsMade => &self.orders.jobs_made,
        }
    }

    /// Adds an entry that no list shows before [`Self::put_in_order`].
    pub(super) fn add(&mut self, listing: &Listing) {
        self.put(listing);
    }

    /// Sorts all that was added, which is quicker than to keep it sorted on the way.
    pub(super) fn put_in_order(&mut self) {
        for by in ALL_ORDERS {
            *self.orders.by_mut(by) = Order::from_sorted(&self.slots.sorted(by));
        }
    }

    pub(super) fn insert(&mut self, listing: &Listing) {
        let place = self.put(listing);
        for by in ALL_ORDERS {
            self.put_in(by, place);
        }
    }

    fn put(&mut self, listing: &Listing) -> u32 {
        let place = self.empty.pop().unwrap_or(self.slots.end());
        self.places.insert(listing.id, place);
        self.slots.put(place, Entry::new(listing, &mut self.words), &listing.text);
        place
    }

    /// Project, owner and the time of making stay as they are, and what its use says.
    pub(super) fn change(&mut self, listing: &Listing) {
        let Some((place, now)) = self.find(&listing.id) else {
            return;
        };
        let (project, owner, created) = (now.project, now.owner, now.created);
        let (jobs_made, last_used) = (now.jobs_made, now.last_used);
        let moves = (self.slots.name(place) != listing.text.name, now.updated != listing.updated);
        let next = Entry::new(listing, &mut self.words);
        let next = Entry { project, owner, created, jobs_made, last_used, ..next };
        let moved: &[SortBy] = match moves {
            (true, true) => &[SortBy::Name, SortBy::Updated],
            (true, false) => &[SortBy::Name],
            (false, true) => &[SortBy::Updated],
            (false, false) => &[],
        };
        self.moving(moved, place, |index| index.slots.put(place, next, &listing.text));
    }

    pub(super) fn note_use(&mut self, id: &Id, at: Millis) {
        let Some((place, _)) = self.find(id) else {
            return;
        };
        self.moving(&[SortBy::JobsMade, SortBy::LastUsed], place, |index| {
            if let Some(entry) = index.slots.entry_mut(place) {
                entry.jobs_made += 1;
                entry.last_used = entry.last_used.max(Some(at));
            }
        });
    }

    pub(super) fn remove(&mut self, id: &Id) {
        let Some((place, _)) = self.find(id) else {
            return;
        };
        for by in ALL_ORDERS {
            self.take_out(by, place);
        }
        self.places.remove(id);
        self.slots.clear(place);
        self.empty.push(place);
    }

    fn find(&self, id: &Id) -> Option<(u32, &Entry)> {
        let place = *self.places.get(id)?;
        Some((place, self.slots.entry(place)?))
    }

    /// Makes a change after which a place stands elsewhere in some orders.
    fn moving(&mut self, orders: &[SortBy], place: u32, change: impl FnOnce(&mut Self)) {
        for by in orders {
            self.take_out(*by, place);
        }
        change(self);
        for by in orders {
            self.put_in(*by, place);
        }
    }

    fn put_in(&mut self, by: SortBy, place: u32) {
        let Self { slots, orders, .. } = self;
        orders.by_mut(by).insert(place, |other| slots.compare(by, other, place).is_lt());
    }

    fn take_out(&mut self, by: SortBy, place: u32) {
        let Self { slots, orders, .. } = self;
        orders.by_mut(by).remove(place, |other| slots.compare(by, other, place).is_lt());
    }
}
