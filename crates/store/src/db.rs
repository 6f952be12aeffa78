//! The database file and the connections to it: how each is opened, and how a statement runs on it.
//!
//! Settings that only SQLite knows are here, in `schema.rs`, `copy.rs`, `backup.rs` and `writer/`, and nowhere else.

use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::OpenFlags;

use crate::{
    error::{StoreError, from_sqlite},
    rows::{Row, only_number},
    sql::{Sql, Statement, sql, statement},
};

/// How long a statement waits for a lock that another process holds (a backup, an administrator's shell).
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// More than the program has different statements.
const CACHED_STATEMENTS: usize = 128;
/// Only the server's own user may read the database.
const OWNER_ONLY: u32 = 0o600;

/// An answered change is on the disk, hence `FULL`.
const WRITER_SETTINGS: &[Sql] = &[
    sql!("PRAGMA journal_mode = WAL"),
    sql!("PRAGMA synchronous = FULL"),
    sql!("PRAGMA foreign_keys = ON"),
    // Returns the space of a log that a long read let grow.
    sql!("PRAGMA journal_size_limit = 67108864"),
    sql!("PRAGMA cache_size = -16000"),
];
const READER_SETTINGS: &[Sql] = &[sql!("PRAGMA cache_size = -16000")];

/// A connection with its cache of prepared statements. Dropping it closes it.
pub(crate) struct Connection(rusqlite::Connection);

impl Connection {
    /// Opens a file that exists for the writer.
    pub(crate) fn open_for_writing(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_SETTINGS)
    }

    /// Opens a file that exists for reading: SQLite refuses any statement that writes to it.
    pub(crate) fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_SETTINGS)
    }

    /// Opens a file that exists as it is, whatever its journal mode.
    pub(crate) fn open_plainly(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &[])
    }

    fn open(path: &Path, mode: OpenFlags, settings: &[Sql]) -> Result<Self, StoreError> {
        // One thread at a time uses a connection, which Rust's borrow rules ensure.
        let opened = rusqlite::Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let connection = opened.map_err(from_sqlite)?;
        connection.busy_timeout(LOCK_WAIT).map_err(from_sqlite)?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        let opened = Self(connection);
        settings.iter().try_for_each(|setting| opened.control(*setting))?;
        Ok(opened)
    }

    /// Runs a statement that writes; returns how many rows it changed.
    pub(crate) fn execute(&self, statement: &Statement<'_>) -> Result<u64, StoreError> {
        let mut prepared = self.0.prepare_cached(statement.text()).map_err(from_sqlite)?;
        statement.bind_to(&mut prepared).map_err(from_sqlite)?;
        let rows = prepared.raw_execute().map_err(from_sqlite)?;
        Ok(rows as u64)
    }

    /// Reads the first row of a result.
    pub(crate) fn row<T>(
        &self,
        statement: &Statement<'_>,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut prepared = self.0.prepare_cached(statement.text()).map_err(from_sqlite)?;
        statement.bind_to(&mut prepared).map_err(from_sqlite)?;
        let mut rows = prepared.raw_query();
        let Some(row) = rows.next().map_err(from_sqlite)? else { return Ok(None) };
        read(&Row::of(row)).map(Some)
    }

    /// Passes each row of a result to a function; only one row at a time is in memory.
    pub(crate) fn each_row(
        &self,
        statement: &Statement<'_>,
        mut each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut prepared = self.0.prepare_cached(statement.text()).map_err(from_sqlite)?;
        statement.bind_to(&mut prepared).map_err(from_sqlite)?;
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(from_sqlite)? {
            each(&Row::of(row))?;
        }
        Ok(())
    }

    /// The number that a statement or setting returns; 0 if it returns no row.
    pub(crate) fn number(&self, sql: Sql) -> Result<i64, StoreError> {
        Ok(self.row(&statement(sql), only_number)?.unwrap_or(0))
    }

    /// Runs a statement of a transaction, or a setting; drops the result.
    pub(crate) fn control(&self, sql: Sql) -> Result<(), StoreError> {
        self.each_row(&statement(sql), |_| Ok(()))
    }

    /// Runs work in a transaction of its own: all of it is kept, or none.
    pub(crate) fn transaction<T>(&self, work: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.0.unchecked_transaction().map_err(from_sqlite)?;
        let done = work(self)?;
        transaction.commit().map_err(from_sqlite)?;
        Ok(done)
    }

    /// Copies the log into the file when the log has this many pages.
    pub(crate) fn checkpoint_from(&self, pages: u64) -> Result<(), StoreError> {
        let pages = i64::try_from(pages).unwrap_or(i64::MAX);
        self.0.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(())).map_err(from_sqlite)
    }

    /// Runs the statements of a file of `migrations/`.
    pub(crate) fn run_file(&self, text: &'static str) -> Result<(), StoreError> {
        self.0.execute_batch(text).map_err(from_sqlite)
    }

    /// Closes the connection; the error says what was wrong then.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.0.close().map_err(|(_, error)| from_sqlite(error))
    }
}

/// Creates the file if there is none, with a mode that lets only the owner open it; the log beside it gets the same mode.
pub(crate) fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let unavailable = |error: io::Error| StoreError::Unavailable(format!("cannot open {}: {error}", path.display()));
    let file = new_private_file(path).map_err(unavailable)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY)).map_err(unavailable)?;
    sync_directory_of(path).map_err(unavailable)
}

/// Opens a file for writing; a new one gets the owner's rights alone.
pub(crate) fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).open(path)
}

/// Makes the name of a new file as durable as its content.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Runs work that reads or writes files on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(if error.is_panic() {
            StoreError::Bug("work on the database panicked".to_owned())
        } else {
            StoreError::Unavailable("the runtime ends".to_owned())
        })
    })
}
