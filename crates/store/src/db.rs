//! Connections: one that writes and a few that only read, and the few ways in which a statement is asked.
//!
//! What is special to SQLite stands here, in `writer.rs` and in `schema.rs`, and nowhere else.

use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use sqlx::{
    SqliteExecutor, SqlitePool, SqliteTransaction,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    error::{StoreError, from_driver},
    rows::Row,
};

/// A statement with its values, for the readers.
pub(crate) type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, SqliteArguments>;

/// How many reads go on at once. Each has a thread of its own, and they compete for the same few cores.
const READERS: u32 = 4;
/// How long a read waits for its connection before the caller is told to come back later.
const READER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a statement waits for a lock that another process holds (a backup, an administrator's shell).
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long closing waits for reads that are under way.
pub(crate) const LAST_READS: Duration = Duration::from_secs(5);
/// Only the server's own user may read the database.
const OWNER_ONLY: u32 = 0o600;

/// How the one writing connection is set: an answered change is on the disk, hence `FULL`.
pub(crate) const WRITING: &[&str] = &[
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    // A log that a long read once let grow gives its room back.
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -16000",
];

/// The connection that brings the schema up to date before the writing one is opened.
pub(crate) fn changing_the_schema(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(LOCK_PATIENCE)
        .thread_name(|_| "store-schema".to_owned())
}

/// The connections that read. They are opened when first needed and never write.
pub(crate) fn readers(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(LOCK_PATIENCE)
        .pragma("cache_size", "-16000")
        .thread_name(|n| format!("store-read-{n}"));
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not hang up: asking before each use would double the work of a small read.
        .test_before_acquire(false)
        .connect_lazy_with(options)
}

/// Makes the file where there is none, so that nobody else could ever open it; the log beside it gets the same mode.
pub(crate) fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let unavailable = |error: io::Error| StoreError::Unavailable(format!("cannot open {}: {error}", path.display()));
    let file = new_private_file(path).map_err(unavailable)?;
    file.set_permissions(Permissions::from_mode(OWNER_ONLY)).map_err(unavailable)?;
    sync_directory_of(path).map_err(unavailable)
}

/// Opens a file for writing, making it with the owner's rights only.
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

/// Several reads of one moment.
pub(crate) async fn snapshot(readers: &SqlitePool) -> Result<SqliteTransaction<'static>, StoreError> {
    readers.begin().await.map_err(from_driver)
}

/// The first row of a statement's answer.
pub(crate) async fn row<'c>(on: impl SqliteExecutor<'c>, query: Query<'_>) -> Result<Option<Row>, StoreError> {
    Ok(query.fetch_optional(on).await.map_err(from_driver)?.map(Row::Read))
}

/// All rows of a statement's answer.
pub(crate) async fn rows<'c>(on: impl SqliteExecutor<'c>, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
    Ok(query.fetch_all(on).await.map_err(from_driver)?.into_iter().map(Row::Read).collect())
}
