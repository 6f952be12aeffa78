//! What to run, on what, for how long.
//!
//! A spec lives in two forms. The *document* is the JSON object with the published field names, values as they were
//! sent: templates store it, requests patch it, paths point into it. [`JobSpec`] is the checked meaning of a whole
//! document, which everything behind job creation works with.

mod advice;
mod centre;
mod check;
mod extra;
mod field;
mod free_form;
mod kind;
mod mounts;
mod resolve;
mod scalar;
mod size;
#[cfg(test)]
mod tests;
mod worker_size;

pub use centre::{Centre, Limitation, Product, Storage};
pub use check::{Mode, check_document};
pub use field::{
    FIELDS, Field, Owner, SERVER_FIELDS, TIMEOUT_SECONDS_BOUNDS, WAIT_SECONDS_BOUNDS, field, field_names,
};
pub use kind::{Bounds, FieldKind, Member, TextRule};
pub use mounts::refused_place;
pub use resolve::{Prepared, prepare};
pub use scalar::whole;
pub use size::{decimal_text, gb_bytes, gb_text, parse_count, parse_milli};

use serde::{Deserialize, Serialize};

use crate::{capacity::WorkerSize, choice::choice, framework::Framework, id::CentreId};

/// The default number of further attempts where a retry is asked for without a number.
pub const DEFAULT_MAX_RETRIES: u32 = 3;
/// The default wait before a further attempt, in seconds.
pub const DEFAULT_RETRY_DELAY_SECONDS: u32 = 10;
/// The default time between SIGTERM and SIGKILL, in seconds.
pub const DEFAULT_STOP_GRACE_SECONDS: u32 = 30;

choice!(
    /// What kind of training it is; kept and filtered by, no more.
    TrainingType {
        /// Pre-training of a model.
        PreTraining = "PRE_TRAINING",
        /// High-performance computing.
        Hpc = "HPC",
    }
);
choice!(
    /// Where an image comes from.
    ImageType {
        /// A base image.
        General = "general",
        /// An application's image.
        Application = "application",
        /// A private image.
        Private = "private",
    }
);
choice!(
    /// The kind of a registered storage.
    StorageType {
        /// Capacity storage.
        Capacity = "nas-capacity",
        /// Performance storage.
        Performance = "nas-performance",
    }
);

/// Whether and how a job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Further attempts after the first, 0 to 100.
    pub max_retries: u32,
    /// The wait before the first further attempt in seconds; it doubles from one to the next, up to six minutes.
    pub delay_seconds: u32,
}

/// One mount of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The registered storage.
    pub storage_id: Option<String>,
    /// The directory inside the storage.
    pub directory: Option<String>,
    /// Where the workers see it.
    pub mount_path: String,
    /// Whether they may only read.
    pub read_only: bool,
}

/// The checked meaning of a whole document: nothing is missing and nothing is out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Where it runs.
    pub centre: CentreId,
    /// The framework whose variables the workers get; without one only the platform's own.
    pub framework: Option<Framework>,
    /// The container image, where the runtime uses one.
    pub image: Option<String>,
    /// The user's variables as text, in the order given.
    pub env: Vec<(String, String)>,
    /// What each worker takes.
    pub size: WorkerSize,
    /// How many workers, at least 1.
    pub workers: u32,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// `None`: a failure ends the job.
    pub retry: Option<RetryPolicy>,
    /// The most seconds of running, summed over attempts; `None` is without end.
    pub timeout_seconds: Option<u64>,
    /// Seconds between SIGTERM and SIGKILL.
    pub stop_grace_seconds: u32,
    /// What `/bin/sh -c` runs.
    pub command: String,
    /// The directory it runs in; `None` takes the runtime's own choice.
    pub work_dir: Option<String>,
    /// 1 to 3; 3 goes first.
    pub priority: u8,
}

impl JobSpec {
    /// Whether so much running, in milliseconds, has reached the limit.
    pub fn is_over_time(&self, ran_ms: i64) -> bool {
        let limit = self.timeout_seconds.map(|seconds| i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
        limit.is_some_and(|limit_ms| ran_ms >= limit_ms)
    }
}
