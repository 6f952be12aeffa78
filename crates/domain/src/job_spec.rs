//! The spec of a job: what to run, with which resources, for how long.
//!
//! A spec has two forms. The *document* is the JSON object with the published field names and the values as sent:
//! templates store it, requests patch it, paths point into it. [`JobSpec`] is the checked meaning of a complete document;
//! everything after job creation works with it.

mod centre;
mod check;
mod field;
mod free_form;
mod kind;
mod mounts;
mod resolve;
mod scalar;
mod size;
mod template_rules;
#[cfg(test)]
mod tests;
mod warnings;
mod worker_size;

pub use centre::{Centre, Judge, Problem, Product, Storage};
pub use check::{Mode, check_document};
pub use field::{FIELDS, Field, Owner, SERVER_FIELDS, TIMEOUT_SECONDS_BOUNDS, WAIT_SECONDS_BOUNDS, field, field_names};
pub use kind::{Bounds, FieldKind, Member, TextRule};
pub use mounts::mount_path_refusal;
pub use resolve::{Prepared, prepare};
pub use scalar::whole_number;
pub use size::{decimal_text, gb_bytes, gb_text, parse_count, parse_milli};

use serde::{Deserialize, Serialize};

use crate::{capacity::WorkerSize, choice::choice, framework::Framework, id::CentreId, time::Span};

/// The default of `maxRetryCount` when retries are enabled.
pub const DEFAULT_MAX_RETRIES: u32 = 3;
/// The default delay before the first retry, in seconds.
pub const DEFAULT_RETRY_DELAY_SECONDS: u32 = 10;
/// The default of `priority`.
pub const DEFAULT_PRIORITY: u8 = 2;
/// The default time between SIGTERM and SIGKILL, in seconds.
pub const DEFAULT_STOP_GRACE_SECONDS: u32 = 30;

choice!(
    /// The kind of training; stored and usable as a filter, without effect on the job.
    TrainingType {
        /// Pre-training of a model.
        PreTraining = "PRE_TRAINING",
        /// High-performance computing.
        Hpc = "HPC",
    }
);
choice!(
    /// The origin of an image.
    ImageType {
        /// A base image without an application.
        General = "general",
        /// An image that contains an application.
        Application = "application",
        /// An image of the user or project.
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

/// How often and how soon a failed job is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts after the first, 0 to 100.
    pub max_retries: u32,
    /// The delay before the first retry in seconds; it doubles for each retry, up to six minutes.
    pub delay_seconds: u32,
}

/// One directory that a job mounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The id of the registered storage.
    pub storage_id: Option<String>,
    /// The directory inside the storage.
    pub directory: Option<String>,
    /// The path at which workers see the directory.
    pub mount_path: String,
    /// Whether workers can only read.
    pub read_only: bool,
}

/// The checked meaning of a complete document: no value is missing or out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The compute centre that runs the job.
    pub centre: CentreId,
    /// The framework, which decides the variables that workers get; without one they get only Trainyard's own.
    pub framework: Option<Framework>,
    /// The container image; runtimes without images ignore it.
    pub image: Option<String>,
    /// The user's environment variables as text, in the order sent.
    pub env: Vec<(String, String)>,
    /// The variables that get their value from a secret: the name of the variable, and that of the secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(String, String)>,
    /// The resources of each worker.
    pub size: WorkerSize,
    /// The number of workers, at least 1.
    pub workers: u32,
    /// The directories to mount.
    pub mounts: Vec<Mount>,
    /// The retry policy; with `None` the first failure ends the job.
    pub retry: Option<RetryPolicy>,
    /// The time limit in seconds of running, summed over attempts; `None` is no limit.
    pub timeout_seconds: Option<u64>,
    /// The time between SIGTERM and SIGKILL in seconds.
    pub stop_grace_seconds: u32,
    /// The command that `/bin/sh -c` runs.
    pub command: String,
    /// The working directory; with `None` the runtime chooses.
    pub work_dir: Option<String>,
    /// The priority, 1 to 3; jobs with 3 start first.
    pub priority: u8,
}

impl JobSpec {
    /// The limit of the running time, summed over attempts; `None` is without limit.
    pub fn time_limit(&self) -> Option<Span> {
        self.timeout_seconds.map(Span::from_whole_seconds)
    }

    /// Whether this running time has reached the time limit.
    pub fn is_over_time(&self, ran: Span) -> bool {
        self.time_limit().is_some_and(|limit| ran >= limit)
    }
}
