//! Where all readers of logs come by: so many may read at once, and those who follow one log share what is seen of it.
//!
//! Files block, so they are read away from the server's own threads, by few at a time, however many ask.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;

use super::{LogPlace, follow::Tail};
use crate::{App, failure::Failure};

/// How many pieces are read at once.
const READERS: usize = 16;

/// How many logs are searched at once; one search keeps a core busy.
const SEARCHERS: usize = 2;

/// The desk.
#[derive(Debug)]
pub struct Logs {
    readers: Semaphore,
    searchers: Semaphore,
    /// The logs that somebody follows now.
    tails: Mutex<HashMap<PathBuf, Weak<Tail>>>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { readers: Semaphore::new(READERS), searchers: Semaphore::new(SEARCHERS), tails: Mutex::default() }
    }
}

impl Logs {
    /// Reads a file, once it is its turn.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        in_turn(&self.readers, path, work).await
    }

    /// Looks through a file, once it is its turn; readers of pieces do not wait for that.
    pub(super) async fn searching<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        in_turn(&self.searchers, path, work).await
    }

    /// What those share who follow this log; it goes with the last of them.
    pub(super) fn tail(&self, app: &App, place: LogPlace) -> Arc<Tail> {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(&place.path).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let (path, tail) = (place.path.clone(), Arc::new(Tail::new(app, place)));
        tails.insert(path, Arc::downgrade(&tail));
        tail
    }

    /// How many logs are followed now.
    pub fn followed(&self) -> usize {
        let tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.values().filter(|tail| tail.strong_count() > 0).count()
    }
}

async fn in_turn<T: Send + 'static>(
    turns: &Semaphore,
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Internal(format!("cannot read {}: {error}", path.display()));
    let _turn = turns.acquire().await.map_err(|error| failed(&error))?;
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}
