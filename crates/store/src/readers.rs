//! The connections that read: a few, opened when they are first needed, each used by one read at a time on a thread that
//! may block.
//!
//! A read that starts after a change was answered sees that change: in WAL mode each read begins at the last commit. A
//! caller that goes away loses nothing, since the read ends on its thread and returns its connection.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    db::{self, Connection},
    error::{StoreError, closed},
    rows::{Row, UnreadableRows, only_number},
    sql::{Sql, Statement, sql},
};

/// How many reads run at once: they compete for the same few cores.
const READERS: u32 = 4;
/// How long a read waits for a connection before its caller gets [`StoreError::Unavailable`].
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

const BEGIN: Sql = sql!("BEGIN");
const END: Sql = sql!("ROLLBACK");

/// The reading connections of a store.
pub(crate) struct Readers {
    /// A read holds one permit from its start to its end, even if its caller goes away.
    permits: Arc<Semaphore>,
    pool: Arc<Pool>,
    unreadable: Arc<UnreadableRows>,
}

struct Pool {
    path: PathBuf,
    /// The connections that no read uses; `None` once the store is closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    /// The readers of this database, which the writer has prepared.
    pub(crate) fn of(path: &Path, unreadable: Arc<UnreadableRows>) -> Self {
        let pool = Pool { path: path.to_owned(), idle: Mutex::new(Some(Vec::new())) };
        Self { permits: Arc::new(Semaphore::new(READERS as usize)), pool: Arc::new(pool), unreadable }
    }

    /// The first row of a result. An unreadable row is an error, which is in the log once.
    pub(crate) async fn row<T: Send + 'static>(
        &self,
        statement: Statement<'_>,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let statement = statement.into_owned();
        let found = self.run(move |on| on.row(&statement, read)).await;
        found.inspect_err(|error| self.unreadable.report(error))
    }

    /// All rows of a result that can be read; the log names the others once.
    pub(crate) async fn rows<T: Send + 'static>(
        &self,
        statement: Statement<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let (statement, unreadable) = (statement.into_owned(), Arc::clone(&self.unreadable));
        self.run(move |on| readable_rows(on, &statement, &unreadable, read)).await
    }

    /// The number that the first statement returns, and all readable rows of the second, both of one moment.
    pub(crate) async fn count_and_rows<T: Send + 'static>(
        &self,
        count: Statement<'_>,
        select: Statement<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<(u64, Vec<T>), StoreError> {
        let (count, select, unreadable) = (count.into_owned(), select.into_owned(), Arc::clone(&self.unreadable));
        let both = move |on: &Connection| {
            let total = on.row(&count, only_number)?.unwrap_or(0);
            Ok((total.unsigned_abs(), readable_rows(on, &select, &unreadable, read)?))
        };
        self.run(move |on| snapshot(on, both)).await
    }

    /// Runs a read on a connection, as soon as one is free.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permit().await?;
        let pool = Arc::clone(&self.pool);
        db::blocking(move || {
            let connection = pool.take()?;
            let answer = work(&connection);
            pool.put(connection);
            drop(permit);
            answer
        })
        .await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let late = |_| StoreError::Unavailable("all its connections are in use".to_owned());
        tokio::time::timeout(CONNECTION_WAIT, permit).await.map_err(late)?.map_err(|_| closed())
    }

    /// Refuses further reads, waits for those that run, and closes all connections.
    pub(crate) async fn close(&self) {
        drop(self.pool.idle().take());
        // Reads that waited before get their permits first, and find that the store is closed.
        let all = self.permits.acquire_many(READERS).await;
        self.permits.close();
        drop(all);
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle().as_mut().ok_or_else(closed)?.pop();
        idle.map_or_else(|| Connection::open_for_reading(&self.path), Ok)
    }

    fn put(&self, connection: Connection) {
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn readable_rows<T>(
    on: &Connection,
    statement: &Statement<'_>,
    unreadable: &UnreadableRows,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::new();
    on.each_row(statement, |row| {
        all.extend(unreadable.readable(read(row))?);
        Ok(())
    })?;
    Ok(all)
}

/// Runs several reads that all see the same moment.
fn snapshot<T>(on: &Connection, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    on.control(BEGIN)?;
    let answer = work(on);
    // A connection that is still in its transaction would show later reads an old moment.
    on.control(END)?;
    answer
}
