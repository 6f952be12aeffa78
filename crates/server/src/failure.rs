//! Why a use case did not do it: a short list of what the caller can do about it.

pub use trainyard_domain::text::shortened;

use std::path::PathBuf;

use trainyard_domain::{fault::Fault, id::JobId};
use trainyard_engine::EngineError;
use trainyard_store::StoreError;

/// The reasons, each answered by one status.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The body has faults: mend them.
    #[error("faults in the body: {}", .0.len())]
    BadBody(Vec<Fault>),
    /// The query has faults: mend them.
    #[error("faults in the query: {}", .0.len())]
    BadQuery(Vec<Fault>),
    /// The spec is well formed and can never run here: change it.
    #[error("the job could never run, for {} reasons", .0.len())]
    CannotRun(Vec<Fault>),
    /// A header cannot be read.
    #[error("{0}")]
    BadHeader(String),
    /// The body is no JSON.
    #[error("{0}")]
    BadJson(String),
    /// The body is not declared as JSON.
    #[error("send the body with Content-Type: application/json")]
    NotJson,
    /// The body is too large.
    #[error("the body is larger than 256 KiB; make it smaller")]
    TooLarge,
    /// No valid key.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The key has not the right.
    #[error("this key may not do that")]
    Forbidden,
    /// Nothing there that the caller may see.
    #[error("there is no {what} {id} that this key may see; the list shows what there is")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which name.
        id: String,
    },
    /// The logs went with the retention.
    #[error("the logs of this job were removed because it ended longer ago than this server keeps logs")]
    LogsRemoved,
    /// The name is in use for something else.
    #[error(
        "the project has a template named {name:?} with other content; update or copy that one, or choose another name"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Who holds it, where the caller may see that.
        id: Option<String>,
    },
    /// An update without the revision that was seen.
    #[error("send If-Match: \"<revision>\" with the revision that you read, so that nobody's change is lost")]
    RevisionRequired,
    /// Somebody changed it since.
    #[error("it was changed since you read it: its revision is {revision} now; read it again and repeat your change")]
    Stale {
        /// The current one.
        revision: i64,
    },
    /// Only what has ended can be deleted.
    #[error("the job has not ended; stop it first")]
    NotEnded,
    /// What has ended, or is being ended, has no use for it.
    #[error("the job has ended or is being stopped; restart it first")]
    AlreadyEnded,
    /// Its files are gone, and with them what it could go on from.
    #[error("the job ended more than {days} days ago and its files are gone; make a new one")]
    FilesRemoved {
        /// After how many days files go.
        days: i64,
    },
    /// The same idempotency key with another body.
    #[error("this Idempotency-Key was used with another body within 24 h; use a new key")]
    IdempotencyConflict,
    /// The last way in must stay.
    #[error("this is the last admin key; make another one first")]
    LastAdminKey,
    /// The id is in use for another storage.
    #[error("the centre has another storage of the id {0}; choose another one, or remove that first")]
    StorageExists(String),
    /// It can only be removed where it is written.
    #[error("this storage stands in the configuration file: remove it there and start the server again")]
    StorageConfigured,
    /// A job needs it.
    #[error("job {0} uses this storage and has not ended; stop it first, or wait for its end")]
    StorageInUse(JobId),
    /// Try again later.
    #[error("{0}")]
    Unavailable(String),
    /// Make room.
    #[error("the disk of the data directory is full; make room and try again")]
    DiskFull,
    /// Our fault; the log says more.
    #[error("{0}")]
    Internal(String),
}

/// Why the server did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another server has the data directory.
    #[error("{path} is in use by another server ({holder}); stop that one, or choose another --data-dir")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// What the other one wrote about itself.
        holder: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; choose another with --listen HOST:PORT")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file or directory.
    #[error("{path}: {error}")]
    Files {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The configuration's address.
    #[error("{0}")]
    Config(String),
    /// The store or an engine.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Failure {
    /// Nothing of that name that the caller may see.
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
            EngineError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::Internal(format!("the operating system gives no random bytes: {error}"))
    }
}
