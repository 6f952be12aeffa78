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

use super::{
    LogKey, WorkerLog,
    follow::Tail,
    turns::{MOST, MOST_OF_USER, OpenSearch, TooMany, Turns},
};
use crate::failure::Failure;

/// How many pieces are read at once.
const READERS: usize = 16;

/// What all readers of logs share. A clone shares it too.
#[derive(Clone)]
pub struct Logs {
    pub(super) store: Store,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    readers: Semaphore,
    searches: Arc<Turns>,
    /// The logs that have followers.
    tails: Mutex<HashMap<LogKey, Weak<Tail>>>,
}

impl Logs {
    /// The readers of a server. They ask its store whether an attempt has ended.
    pub fn new(store: &Store) -> Self {
        let (readers, searches) = (Semaphore::new(READERS), Arc::default());
        Self { store: store.clone(), shared: Arc::new(Shared { readers, searches, tails: Mutex::default() }) }
    }

    /// Runs a read of this log when one of the [`READERS`] is free.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        log: &dyn LogSource,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        run_when_free(&self.shared.readers, log, work).await
    }

    /// Lets a search of this user begin. Readers of pieces do not wait for searches.
    ///
    /// Errors: `TooMany`.
    pub(super) fn begin_search(&self, user: &str) -> Result<OpenSearch, Failure> {
        self.shared.searches.begin(user).map_err(|why| {
            Failure::TooMany(match why {
                TooMany::OfUser => format!(
                    "you have {MOST_OF_USER} log searches in progress, and one user may have no more; wait until one ends"
                ),
                TooMany::OfAll => format!("{MOST} log searches are in progress, and the server takes no more; retry later"),
            })
        })
    }

    /// Runs a search of this log, which waits for its turns itself.
    pub(super) async fn search<T: Send + 'static>(
        &self,
        log: &dyn LogSource,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        run(log, work).await
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
    let _permit = permits.acquire().await.map_err(|error| cannot_read(log, &error))?;
    run(log, work).await
}

async fn run<T: Send + 'static>(
    log: &dyn LogSource,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| cannot_read(log, &error))?.map_err(|error| cannot_read(log, &error))
}

fn cannot_read(log: &dyn LogSource, error: &dyn std::fmt::Display) -> Failure {
    Failure::Internal(format!("cannot read {}: {error}", log.name()))
}
