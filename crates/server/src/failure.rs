//! The errors of use cases, grouped by the caller's next step, and the errors that keep the server from starting.
//!
//! `http::failure_response` maps each [`Failure`] to one status and one code.

pub use trainyard_domain::text::shortened;

use std::{borrow::Cow, path::PathBuf};

use trainyard_domain::{fault::Fault, id::JobId};
use trainyard_engine::EngineError;
use trainyard_store::StoreError;

/// Why a use case failed. Each variant is one status and one code of the API.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The body has faults; the list holds all of them.
    #[error("faults in the body: {}", .0.len())]
    BadBody(Vec<Fault>),
    /// The query has faults; the list holds all of them.
    #[error("faults in the query: {}", .0.len())]
    BadQuery(Vec<Fault>),
    /// The spec is well formed, but no job with it can ever run on this server.
    #[error("the job can never run, for {} reasons", .0.len())]
    CannotRun(Vec<Fault>),
    /// A header has a value that the server cannot read.
    #[error("{0}")]
    BadHeader(String),
    /// The body is not JSON.
    #[error("{0}")]
    BadJson(String),
    /// The body is not declared as `application/json`.
    #[error("send the body with Content-Type: application/json")]
    NotJson,
    /// The body exceeds `http::BODY_LIMIT`.
    #[error("the body is larger than the limit of 256 KiB; send a smaller one")]
    TooLarge,
    /// The call has no valid API key, and its account is no user either.
    #[error("{0}")]
    Unauthorized(Cow<'static, str>),
    /// The role of the key does not allow the action.
    #[error("this key may not do that")]
    Forbidden,
    /// The object does not exist, or the caller may not see it; the two look the same on purpose.
    #[error("no {what} {id} is visible to your API key; list the {what}s to see those that are")]
    NotFound {
        /// The kind of object, such as `job`.
        what: &'static str,
        /// The id as the caller wrote it, shortened.
        id: String,
    },
    /// The retention period is over and the logs were deleted.
    #[error("the logs of this job were deleted because it ended longer ago than the server keeps logs")]
    LogsRemoved,
    /// Another template of the project has the name and other content.
    #[error(
        "the project has a template named {name:?} with other content; update or copy that one, or choose another name"
    )]
    NameTaken {
        /// The name that the caller asked for.
        name: String,
        /// The id of the other template, if the caller may see it.
        id: Option<String>,
    },
    /// An update does not say which revision the caller read.
    #[error(
        "send If-Match: \"<revision>\" with the revision that you read, so that your update overwrites no other change"
    )]
    RevisionRequired,
    /// The object changed after the caller read it.
    #[error("it has changed since you read it: its revision is {revision} now; read it again and repeat your change")]
    Stale {
        /// The current revision.
        revision: i64,
    },
    /// The action is only possible after the job has ended.
    #[error("the job has not ended; stop it first, or wait until it has ended")]
    NotEnded,
    /// The action is only possible before the job ends or is stopped.
    #[error("the job has ended or is being stopped; restart it first")]
    AlreadyEnded,
    /// The job cannot be restarted: its files, and with them its checkpoints, were deleted.
    #[error("the job ended more than {days} days ago and its files were deleted; create a new job")]
    FilesRemoved {
        /// The retention period, in days.
        days: i64,
    },
    /// The idempotency key was used with another body.
    #[error("this Idempotency-Key was used with another body within 24 h; use a new key")]
    IdempotencyConflict,
    /// The key is the last with which the server can be administered.
    #[error("this is the last admin key, or all others expire before it; create another admin key first")]
    LastAdminKey,
    /// Another storage of the centre has the id.
    #[error("the centre has another storage with the id {0}; choose another id, or delete that storage first")]
    StorageExists(String),
    /// The storage comes from the configuration file, so no call can delete it.
    #[error("this storage comes from the configuration file; delete it there and restart the server")]
    StorageConfigured,
    /// A job that has not ended mounts the storage.
    #[error("job {0} uses this storage and has not ended; stop it first, or wait until it ends")]
    StorageInUse(JobId),
    /// A secret with the name and the scope exists and has another value.
    #[error(
        "a secret named {0} exists with another value; send \"replace\": true to replace the value, or choose another name"
    )]
    SecretExists(String),
    /// The project has as many secrets as it may have.
    #[error("the project has {most} secrets, the most that it may have; delete one first")]
    TooManySecrets {
        /// That number.
        most: u64,
    },
    /// The caller has too much in progress; the text names the limit.
    #[error("{0}")]
    TooMany(String),
    /// The call may succeed later; the text says what is unavailable.
    #[error("{0}")]
    Unavailable(String),
    /// There is no space left to write.
    #[error("the disk of the data directory is full; free some space and try again")]
    DiskFull,
    /// An error of the server itself. The text goes to the log, never to the caller.
    #[error("{0}")]
    Internal(String),
}

/// Why the server could not start, or why a command on its data directory failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another server runs on the data directory.
    #[error("{path} is in use by a running server ({holder}); stop that server, or choose another --data-dir")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// What the other server wrote into the lock file: `process` and its id.
        holder: String,
    },
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {error}; choose another with --listen HOST:PORT")]
    Listen {
        /// The address of the configuration.
        address: String,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// A file or directory cannot be used.
    #[error("{path}: {error}")]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
    /// The configured address cannot be read.
    #[error("{0}")]
    Config(String),
    /// The store or an engine failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Failure {
    /// [`Failure::NotFound`] with the id shortened.
    pub fn not_found(what: &'static str, id: &str) -> Self {
        Self::NotFound { what, id: shortened(id) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { revision } => Self::Stale { revision },
            StoreError::NotEnded { .. } => Self::NotEnded,
            StoreError::IdempotencyConflict => Self::IdempotencyConflict,
            StoreError::LastAdminKey => Self::LastAdminKey,
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Unavailable(why) => Self::Unavailable(why),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(why) => Self::Internal(why),
            EngineError::Unavailable(why) | EngineError::Unreachable(why) => Self::Unavailable(why),
        }
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(format!("cannot get random bytes from the operating system: {error}"))
    }
}
