//! Valid keys that were read before, in memory: every call names a key, and reading it each time would cost more than most
//! calls themselves.
//!
//! A cached key holds what its row says (of the secret its hash), found by the public part of the key's text. It stays
//! valid for two reasons: this process is the only one that writes, and a change that removes a key removes it here
//! before it deletes the row. From then on the key is never cached again, even if a read found it a moment before. So
//! once the removal is answered, no call passes with the key; if the removal is undone, each call reads the key from
//! its row.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::id::KeyId;

use super::KeyRow;

/// A key with its hash.
pub type CachedKey = Arc<(KeyRow, [u8; 32])>;

/// The maximum number of keys in the cache; then all are dropped, and read again when they are used.
const MOST: usize = 10_000;

/// The cached keys, and the removed ones.
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

    /// Caches a key that was read from its row, unless it is being removed.
    pub(crate) fn insert(&self, lookup: &str, key: &CachedKey) {
        let mut state = self.state();
        if state.removed.contains(&key.0.id) {
            return;
        }
        if state.by_lookup.len() >= MOST {
            state.by_lookup.clear();
        }
        state.by_lookup.insert(lookup.to_owned(), Arc::clone(key));
    }

    /// Drops a key for good; called on the writing thread before its row is deleted.
    pub(super) fn remove(&self, id: &KeyId) {
        let mut state = self.state();
        state.removed.insert(id.clone());
        state.by_lookup.retain(|_, key| key.0.id != *id);
    }

    /// Drops a key after a change of its row, so that the next call reads it.
    pub(super) fn invalidate(&self, id: &KeyId) {
        self.state().by_lookup.retain(|_, key| key.0.id != *id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each function leaves the state whole at every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
