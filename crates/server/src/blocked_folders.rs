//! The folders of deleted jobs that could not be deleted: why, since when, and when the server tries again.
//!
//! This state is only in memory. A server that starts tries each folder again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::time::{Span, SteadyTime, WallTime};

use crate::clock::Clock;

/// The pause before the second try; each further pause is twice as long.
const FIRST_PAUSE: Span = Span::from_seconds(60);
/// The longest pause.
const LONGEST_PAUSE: Span = Span::from_hours(1);

/// A folder that could not be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedFolder {
    /// Its path on the host of the server.
    pub path: PathBuf,
    /// The first obstacle in it, for people.
    pub reason: String,
    /// When this server met an obstacle for the first time.
    pub since: WallTime,
}

#[derive(Clone, Debug)]
struct Retry {
    folder: BlockedFolder,
    pause: Span,
    next: SteadyTime,
}

/// All of them by path.
#[derive(Debug, Default)]
pub struct BlockedFolders(Mutex<BTreeMap<PathBuf, Retry>>);

impl BlockedFolders {
    /// Those in a data directory.
    pub fn in_dir(&self, data_dir: &Path) -> Vec<BlockedFolder> {
        let all = self.lock();
        all.values().map(|retry| &retry.folder).filter(|folder| folder.path.starts_with(data_dir)).cloned().collect()
    }

    /// Whether to try this folder now: it is not blocked, or its pause is over.
    pub(crate) fn is_due(&self, folder: &Path, now: SteadyTime) -> bool {
        self.lock().get(folder).is_none_or(|retry| retry.next <= now)
    }

    /// Takes note of an obstacle; returns whether it is another one than before.
    pub(crate) fn block(&self, folder: &Path, reason: &str, clock: &Clock) -> bool {
        let mut all = self.lock();
        let before = all.get(folder);
        let is_new = before.is_none_or(|retry| retry.folder.reason != reason);
        let since = before.map_or_else(|| clock.now(), |retry| retry.folder.since);
        let pause = before.map_or(FIRST_PAUSE, |retry| (retry.pause * 2).min(LONGEST_PAUSE));
        let blocked = BlockedFolder { path: folder.to_owned(), reason: reason.to_owned(), since };
        all.insert(folder.to_owned(), Retry { folder: blocked, pause, next: clock.steady() + pause });
        is_new
    }

    /// Forgets all folders but these, which are still on the disk.
    pub(crate) fn keep(&self, folders: &BTreeSet<&PathBuf>) {
        self.lock().retain(|folder, _| folders.contains(folder));
    }

    /// Takes note of the deletion of a folder; returns whether it was blocked before.
    pub(crate) fn remove(&self, folder: &Path) -> bool {
        self.lock().remove(folder).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Retry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
