//! The only place that knows SQL: templates, jobs with their attempts and events, and keys, in one SQLite file.
//!
//! What is answered as done is on the disk. A job's state changes only through [`Store::change`]. Every write is
//! guarded by a version or a condition, and the number of rows it touched is looked at.

mod access;
pub mod backup;
mod db;
mod error;
mod events;
mod jobs;
mod list;
mod reserve;
mod rows;
mod schema;
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
pub use jobs::{IdempotencyKey, Inserted, JobFilter, Outcome, RowVersion};
pub use list::{Page, PageRequest, Scope};
pub use storages::StorageRow;
pub use templates::{ArchivedFilter, Direction, LabelFilter, Sort, SortBy, TemplateFilter};

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::SqlitePool;
use tokio::sync::watch;

use reserve::Disk;
use template_index::TemplateIndex;
use writer::{WriteConnection, Writer};

/// The database of one server. Clones share it.
///
/// Dropping a future of any of its functions is harmless: a change that was handed over is then made and kept, or not
/// made at all.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    readers: SqlitePool,
    writer: Writer,
    template_index: Arc<TemplateIndex>,
    changes: watch::Receiver<u64>,
    key_cache: Arc<KeyCache>,
    disk: Disk,
}

impl Store {
    /// Opens the database file, makes it where there is none, and brings an older one up to date.
    ///
    /// An older database is copied beside itself first; one that a newer program wrote is refused untouched.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (raise, changes) = watch::channel(0);
        let template_index = Arc::new(TemplateIndex::default());
        let writer = Writer::start(path.to_owned(), raise, Arc::clone(&template_index)).await?;
        let (readers, disk) = (db::readers(path), Disk::of(path));
        let key_cache = Arc::default();
        Ok(Self { inner: Arc::new(Inner { readers, writer, template_index, changes, key_cache, disk }) })
    }

    /// Makes every change that was handed over, brings the file into one piece and closes it.
    ///
    /// Whatever is asked afterwards answers [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.close_within(db::LAST_READS).await;
    }

    async fn close_within(&self, patience: Duration) {
        // Readers first: only the last connection can fold the log into the file. A read that nobody polls any more
        // must not keep the server from ending, though.
        let readers = self.inner.readers.close();
        if tokio::time::timeout(patience, readers).await.is_err() {
            tracing::warn!("a read was still open when the database was closed");
        }
        self.inner.writer.close().await;
    }

    /// Whether both reading and writing work now.
    pub async fn ready(&self) -> Result<(), StoreError> {
        db::row(self.readers(), sqlx::query("SELECT 1")).await?;
        self.write_anyway(async |_: &mut WriteConnection| Ok(())).await
    }

    /// Refuses as long as the disk is full: for what makes new work, though the change itself would find room.
    ///
    /// [`StoreError::DiskFull`].
    pub fn has_space(&self) -> Result<(), StoreError> {
        self.inner.disk.has_space()
    }

    /// A number that rises with every committed change, for streams and loops that wait for news; what was committed
    /// before this call is none. Whoever follows something asks for this first and reads then, to miss nothing.
    pub fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.inner.changes.clone();
        changes.mark_unchanged();
        changes
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    pub(crate) fn key_cache(&self) -> &Arc<KeyCache> {
        &self.inner.key_cache
    }

    pub(crate) fn template_index(&self) -> &Arc<TemplateIndex> {
        &self.inner.template_index
    }

    /// Makes one change, alone or not at all; answers when it is on the disk. On a full disk it is refused: what room is
    /// left is for [`Store::write_anyway`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.has_space()?;
        self.write_anyway(work).await
    }

    /// The same for what must be written down on a full disk too: what becomes of jobs that exist, and what makes room.
    pub(crate) async fn write_anyway<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.inner.writer.write(work).await
    }
}
