//! The errors of the store: one variant for each way in which a caller can react.

use trainyard_domain::{id::TemplateId, job::Status};

/// The reason why a call failed. The database is then unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No record has this id.
    #[error("there is no such record")]
    NotFound,
    /// Another template of the project has the name.
    #[error("the name is taken by {id}")]
    NameTaken {
        /// That template.
        id: TemplateId,
    },
    /// The record changed after the caller read it: read again, decide again.
    #[error("the record was changed meanwhile; its revision is {revision} now")]
    Stale {
        /// The present revision.
        revision: i64,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used before with another body")]
    IdempotencyConflict,
    /// Only a job that has ended can be deleted: stop it first.
    #[error("the job has not ended, it is {}", status.as_str())]
    NotEnded {
        /// The present state of the job.
        status: Status,
    },
    /// Without this key no user could administer the server.
    #[error("this is the last valid admin key")]
    LastAdminKey,
    /// The id, or the public part of a key, is in use: draw another one.
    #[error("a record with this id exists")]
    Exists,
    /// The project has as many records of this kind as it may have.
    #[error("there are too many records of this kind")]
    TooMany,
    /// A newer program wrote the database: run that one, or restore a copy.
    #[error(
        "the database has schema {found}, written by a newer version; this program knows schemas up to {known}: \
         run the newer version, or restore the copy of the database that it made before the change"
    )]
    NewerDatabase {
        /// The schema of the database.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The database file is damaged: restore a backup.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// One row cannot be read; all other rows can.
    #[error(
        "row {id} of table {table} cannot be read: column {column}: {why}; restore a backup, or stop the server and correct \
         or delete this row with sqlite3"
    )]
    UnreadableRow {
        /// The name of the table.
        table: &'static str,
        /// The key of the row, its columns joined by `/`.
        id: String,
        /// The column that does not fit.
        column: &'static str,
        /// What is wrong with the column's value, without the value itself.
        why: String,
    },
    /// This file is not a backup that can be restored.
    #[error("{0}")]
    NoBackup(String),
    /// The disk is full: nothing is written until it has space again.
    #[error("no space is left for the database")]
    DiskFull,
    /// The database cannot be used now; repeat the call later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A defect of this program.
    #[error("an error in the program: {0}")]
    Bug(String),
}

/// The store was closed, or its writer has ended.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// The meaning of an error of the driver to the caller.
pub(crate) fn from_sqlite(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            from_code(failure.extended_code, message)
        }
        error => StoreError::Bug(error.to_string()),
    }
}

/// SQLite's result codes by number: <https://www.sqlite.org/rescode.html>. The low byte is the class.
fn from_code(code: i32, message: String) -> StoreError {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const NO_MEMORY: i32 = 7;
    const READ_ONLY: i32 = 8;
    const INTERRUPTED: i32 = 9;
    const IO: i32 = 10;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANNOT_OPEN: i32 = 14;
    const NO_DATABASE: i32 = 26;
    const NOT_UNIQUE: i32 = 2067;
    const PRIMARY_KEY: i32 = 1555;
    if matches!(code, NOT_UNIQUE | PRIMARY_KEY) {
        return StoreError::Exists;
    }
    match code & 0xff {
        BUSY | LOCKED | NO_MEMORY | READ_ONLY | INTERRUPTED | IO | CANNOT_OPEN => StoreError::Unavailable(message),
        CORRUPT | NO_DATABASE => StoreError::Corrupt(message),
        FULL => StoreError::DiskFull,
        _ => StoreError::Bug(message),
    }
}
