//! How long something has waited, by the steady clock: setting the host's clock lets nobody wait for a day.
//!
//! What is remembered here is no truth: rows say until when by the wall clock. After a restart of the server a wait is
//! measured from the first look on, and is never longer than it was to be.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::{id::JobId, time::Millis};

use crate::clock::Clock;

/// Which attempt of which job.
pub(crate) type Key = (JobId, u32);

/// Waits that were looked at, each with the moment of the steady clock at which it is over or has begun.
#[derive(Debug, Default)]
pub struct WaitTimers {
    retries: Mutex<HashMap<Key, Millis>>,
    starts: Mutex<HashMap<Key, Millis>>,
}

impl WaitTimers {
    /// Whether the wait after an attempt is over, which was to last so long and until then. No attempt fails twice.
    pub(crate) fn is_due(&self, key: &Key, until: Millis, delay_ms: Millis, clock: &Clock) -> bool {
        let (wall, steady) = (clock.now(), clock.steady());
        let first = || steady + (until - wall).clamp(0, delay_ms.max(0));
        steady >= *lock(&self.retries).entry(key.clone()).or_insert_with(first)
    }

    /// Keeps only the waits of these.
    pub(crate) fn keep_retries(&self, keys: &HashSet<Key>) {
        lock(&self.retries).retain(|key, _| keys.contains(key));
    }

    /// How long an attempt has been tried to begin, since somebody first asked here.
    pub(crate) fn tried_ms(&self, key: &Key, clock: &Clock) -> Millis {
        let steady = clock.steady();
        steady - *lock(&self.starts).entry(key.clone()).or_insert(steady)
    }

    /// Keeps only the tries of these.
    pub(crate) fn keep_starts(&self, keys: &HashSet<Key>) {
        lock(&self.starts).retain(|key, _| keys.contains(key));
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
