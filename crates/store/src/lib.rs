//! The only crate that contains SQL: templates, jobs with their attempts and events, keys and encrypted secrets, in one
//! SQLite file.
//!
//! An answered change is on the disk. Only [`Store::change`] changes a job's state. Every write is guarded by a version or a
//! condition, and the number of rows that it changed is checked.

mod access;
pub mod backup;
mod centres;
mod copy;
mod db;
mod error;
mod events;
mod jobs;
mod list;
mod pool_uids;
mod readers;
mod reserve;
mod rows;
mod schema;
mod secrets;
mod sql;
mod storages;
mod template_index;
mod templates;
#[cfg(test)]
mod tests;
mod usage;
mod writer;

use access::KeyCache;
pub use access::{CachedKey, KeyRow};
pub use error::StoreError;
pub use events::JobEvent;
pub use jobs::{
    HeldResources, IdempotencyKey, Inserted, JobFilter, JobMounts, LiveJobs, Outcome, RowVersion, UnreadableJob,
};
pub use list::{Page, PageRequest, Scope};
pub use secrets::{SecretPlace, SecretRow, SecretScopes};
pub use storages::{StorageRow, Storages, UnreadableStorage};
pub use template_index::{ArchivedFilter, Direction, LabelFilter, Sort, SortBy, TemplateFilter};

use std::{path::Path, sync::Arc, time::Duration};

use tokio::sync::watch;

use readers::Readers;
use reserve::Disk;
use rows::UnreadableRows;
use sql::{Sql, sql, statement};
use template_index::{TemplateChange, TemplateIndex};
use writer::{Committed, Writer};

/// How long [`Store::close`] waits for reads that still run.
const LAST_READS: Duration = Duration::from_secs(5);

/// The connection that a change gets; its notes are for the template index.
pub(crate) type WriteConnection = writer::WriteConnection<TemplateChange>;

/// The database of one server. Clones share it.
///
/// Dropping a future of any of its functions is harmless: a change that was handed over is made and kept whole, or not at
/// all.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Readers,
    writer: Writer<TemplateChange>,
    template_index: Arc<TemplateIndex>,
    changes: watch::Receiver<u64>,
    key_cache: Arc<KeyCache>,
    disk: Disk,
    unreadable: Arc<UnreadableRows>,
}

impl Store {
    /// Opens the database file, creates it if there is none, and brings an older one up to date.
    ///
    /// An older database is first copied to a file beside it; a database that a newer program wrote is refused and not
    /// touched.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (raise, changes) = watch::channel(0);
        let template_index = Arc::new(TemplateIndex::default());
        let unreadable = Arc::new(UnreadableRows::default());
        let (filled, reported) = (Arc::clone(&template_index), Arc::clone(&unreadable));
        let following = Arc::clone(&template_index);
        let prepare = move |on: &mut WriteConnection| templates::load_index(on, &filled, &reported);
        // The index before the number: a stream that the number wakes must find the change in lists.
        let after_commit = move |committed: Committed<TemplateChange>| {
            following.apply(committed.notes);
            if committed.changed_rows {
                raise.send_modify(|number| *number += 1);
            }
        };
        let writer = Writer::start(path.to_owned(), prepare, after_commit).await?;
        let (readers, disk) = (Readers::of(path, Arc::clone(&unreadable)), Disk::of(path));
        let key_cache = Arc::default();
        let inner = Inner { readers, writer, template_index, changes, key_cache, disk, unreadable };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes every change that was handed over, moves the log into the file and closes it.
    ///
    /// Every later call returns [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.close_within(LAST_READS).await;
    }

    async fn close_within(&self, patience: Duration) {
        // Readers first: only the last connection can move the log into the file. But a long read must not keep the server
        // from ending.
        let readers = self.inner.readers.close();
        if tokio::time::timeout(patience, readers).await.is_err() {
            tracing::warn!("a read still ran when the database was closed");
        }
        self.inner.writer.close().await;
    }

    /// Whether both reading and writing work now.
    pub async fn ready(&self) -> Result<(), StoreError> {
        const SELECT: Sql = sql!("SELECT 1");
        self.readers().row(statement(SELECT), |_| Ok(())).await?;
        self.write_anyway(async |_: &mut WriteConnection| Ok(())).await
    }

    /// Refuses as long as the disk is full: for calls that create new work, even if the change itself would fit.
    ///
    /// [`StoreError::DiskFull`].
    pub fn has_space(&self) -> Result<(), StoreError> {
        self.inner.disk.has_space()
    }

    /// A number that rises with every committed change, for streams and loops that wait for changes. Changes before this
    /// call do not count. To miss nothing, call this first and read then.
    pub fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.inner.changes.clone();
        changes.mark_unchanged();
        changes
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    pub(crate) fn key_cache(&self) -> &Arc<KeyCache> {
        &self.inner.key_cache
    }

    pub(crate) fn template_index(&self) -> &Arc<TemplateIndex> {
        &self.inner.template_index
    }

    pub(crate) fn unreadable(&self) -> &UnreadableRows {
        &self.inner.unreadable
    }

    /// Makes one change, whole or not at all; returns when it is on the disk. On a full disk it is refused: the
    /// remaining space is for [`Store::write_anyway`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.has_space()?;
        self.write_anyway(work).await
    }

    /// The same for changes that must be possible on a full disk too: those of existing jobs, and those that free space.
    pub(crate) async fn write_anyway<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.writer.write(work).await.inspect_err(|error| self.unreadable().report(error))
    }
}
