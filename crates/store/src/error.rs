//! Errors are a short list of what the caller can do about them.

use trainyard_domain::{id::TemplateId, job::Status};

/// Why the store did not do what was asked. Nothing was changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is nothing of this id.
    #[error("there is no such record")]
    NotFound,
    /// Another template of the project has the name.
    #[error("the name is taken by {id}")]
    NameTaken {
        /// That template.
        id: TemplateId,
    },
    /// Somebody changed it since it was read: read again, decide again.
    #[error("it was changed meanwhile and is at revision {revision} now")]
    Stale {
        /// The revision it has now.
        revision: i64,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used before with another body")]
    IdempotencyConflict,
    /// Only a job that has ended can be deleted: stop it first.
    #[error("the job has not ended, it is {}", status.as_str())]
    NotEnded {
        /// Where it is in its life.
        status: Status,
    },
    /// Without this key nobody could administer the server.
    #[error("this is the last valid admin key")]
    LastAdminKey,
    /// The id, or the public part of a key, is in use: draw another one.
    #[error("a record with this id exists")]
    Exists,
    /// A newer program wrote the database: run that one, or restore a copy.
    #[error(
        "the database has schema {found}, written by a newer version; this program knows schemas up to {known}: \
         run the newer program, or restore the copy that it made beside the database before it changed it"
    )]
    NewerDatabase {
        /// The schema that the database has.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// What lies in the database cannot be what this program wrote.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// This file is no backup that could be put in place of the database.
    #[error("{0}")]
    NoBackup(String),
    /// There is no room left: nothing is written until there is.
    #[error("no space is left for the database")]
    DiskFull,
    /// It cannot be done now; later it may.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The program itself is wrong.
    #[error("a fault in the program: {0}")]
    Bug(String),
}

/// What an error of the readers' driver means to the caller.
pub(crate) fn from_driver(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match error {
        E::Database(error) => {
            let code = error.code().and_then(|code| code.parse().ok());
            from_code(code, error.message().to_owned())
        }
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        E::ColumnDecode { .. } | E::Decode(_) => StoreError::Corrupt(error.to_string()),
        error => StoreError::Bug(error.to_string()),
    }
}

/// What an error of the writer's driver means to the caller.
pub(crate) fn from_sqlite(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            from_code(Some(failure.extended_code), message)
        }
        error => StoreError::Bug(error.to_string()),
    }
}

/// SQLite's result codes by number: <https://www.sqlite.org/rescode.html>. The low byte is the class.
fn from_code(code: Option<i32>, message: String) -> StoreError {
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
    if matches!(code, Some(NOT_UNIQUE | PRIMARY_KEY)) {
        return StoreError::Exists;
    }
    match code.map(|code| code & 0xff) {
        Some(BUSY | LOCKED | NO_MEMORY | READ_ONLY | INTERRUPTED | IO | CANNOT_OPEN) => {
            StoreError::Unavailable(message)
        }
        Some(CORRUPT | NO_DATABASE) => StoreError::Corrupt(message),
        Some(FULL) => StoreError::DiskFull,
        _ => StoreError::Bug(message),
    }
}
