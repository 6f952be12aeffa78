//! The limits for readers of logs, and the chunks that followers share.
//!
//! Reading a log blocks, so it happens on threads for blocking work, a few at a time however many callers ask.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;
use trainyard_engine::log::LogSource;
use trainyard_store::Store;

use super::{LogKey, WorkerLog, follow::Tail};
use crate::failure::Failure;

/// How many pieces are read at once.
const READERS: usize = 16;

/// How many logs are searched at once; one search keeps a core busy.
const SEARCHERS: usize = 2;

/// What all readers of logs share. A clone shares it too.
#[derive(Clone)]
pub struct Logs {
    pub(super) store: Store,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    readers: Semaphore,
    searchers: Semaphore,
    /// The logs that have followers.
    tails: Mutex<HashMap<LogKey, Weak<Tail>>>,
}

impl Logs {
    /// The readers of a server. They ask its store whether an attempt has ended.
    pub fn new(store: &Store) -> Self {
        let (readers, searchers) = (Semaphore::new(READERS), Semaphore::new(SEARCHERS));
        Self { store: store.clone(), shared: Arc::new(Shared { readers, searchers, tails: Mutex::default() }) }
    }

    /// Runs a read of this log when one of the [`READERS`] is free.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        log: &dyn LogSource,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        run_when_free(&self.shared.readers, log, work).await
    }

    /// Runs a search of this log when one of the [`SEARCHERS`] is free. Readers of pieces do not wait for searches.
    pub(super) async fn search<T: Send + 'static>(
        &self,
        log: &dyn LogSource,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        run_when_free(&self.shared.searchers, log, work).await
    }

    /// What the followers of a log share. It is dropped with the last follower.
    pub(super) fn tail(&self, log: WorkerLog) -> Arc<Tail> {
        let mut tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
        let key = log.key();
        if let Some(tail) = tails.get(&key).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Arc::new(Tail::new(log));
        tails.insert(key, Arc::downgrade(&tail));
        tail
    }

    /// How many logs have followers now.
    pub fn followed(&self) -> usize {
        let tails = self.shared.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.values().filter(|tail| tail.strong_count() > 0).count()
    }
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logs").field("followed", &self.followed()).finish_non_exhaustive()
    }
}

async fn run_when_free<T: Send + 'static>(
    permits: &Semaphore,
    log: &dyn LogSource,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Internal(format!("cannot read {}: {error}", log.name()));
    let _permit = permits.acquire().await.map_err(|error| failed(&error))?;
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}
