//! Keys that were found valid before, kept in memory: every call names one, and asking a reader each time would cost
//! more than most calls do.
//!
//! What is kept is what the row says (of the secret its hash), by the public part of the key's text. Two things keep it
//! true. This process is the only one that writes. And a change that removes a key says so here before it does it: from
//! then on the key is no longer kept, even where a reader still found it a moment before. So when the change is
//! answered, nobody passes with the key; where it is undone, the key is read from its row again each time.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::id::KeyId;

use super::KeyRow;

/// A key with its hash.
pub type CachedKey = Arc<(KeyRow, [u8; 32])>;

/// How many are kept; beyond that all are forgotten and read again when they are used.
const MOST: usize = 10_000;

/// The keys that are kept, and those that never are again.
#[derive(Default)]
pub(crate) struct KeyCache(Mutex<State>);

#[derive(Default)]
struct State {
    by_lookup: HashMap<String, CachedKey>,
    removed: HashSet<KeyId>,
}

impl KeyCache {
    pub(super) fn get(&self, lookup: &str) -> Option<CachedKey> {
        self.state().by_lookup.get(lookup).cloned()
    }

    /// Keeps a key that was read from its row, unless it is being removed.
    pub(crate) fn keep(&self, lookup: &str, key: &CachedKey) {
        let mut state = self.state();
        if state.removed.contains(&key.0.id) {
            return;
        }
        if state.by_lookup.len() >= MOST {
            state.by_lookup.clear();
        }
        state.by_lookup.insert(lookup.to_owned(), Arc::clone(key));
    }

    /// Forgets a key for good; said on the writing thread before its row goes.
    pub(super) fn remove(&self, id: &KeyId) {
        let mut state = self.state();
        state.removed.insert(id.clone());
        state.by_lookup.retain(|_, key| key.0.id != *id);
    }

    /// Lets a key be read from its row again, which says something else now.
    pub(super) fn forget(&self, id: &KeyId) {
        self.state().by_lookup.retain(|_, key| key.0.id != *id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each function leaves it whole at every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
