//! What the server tells an engine to start.
//!
//! The local engine stores a launch in `launch.json`; fields that it does not store are skipped.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use trainyard_domain::{id::JobId, job_spec::JobSpec, launch::SharedEnv, secret::SecretText, time::Span};

/// Everything that an engine needs to start one attempt.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Launch {
    /// The job that the attempt belongs to.
    pub job: JobId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Run by `/bin/sh -c` on every worker that has a process.
    pub command: String,
    /// The directory of the command; `None` is [`crate::AttemptPaths::work_dir`], and a relative path is below that.
    pub work_dir: Option<String>,
    /// After a worker has failed: the seconds between SIGTERM and SIGKILL for the other workers.
    pub stop_grace_seconds: u32,
    /// The most that each worker may use, if the engine can enforce it; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<WorkerLimits>,
    /// Files that the engine writes before the start; only the job's user can read them.
    pub files: Vec<LaunchFile>,
    /// The variables that all workers get. Records of older versions have them in each worker.
    #[serde(default, skip_serializing_if = "SharedEnv::is_empty")]
    pub shared: SharedEnv,
    /// The workers, one for each rank.
    pub workers: Vec<WorkerLaunch>,
    /// The values of variables that the job's spec names as secrets, by the names of the variables; every worker gets them.
    /// The local engine never writes them to a disk.
    #[serde(skip)]
    pub secrets: Vec<(String, SecretText)>,
    /// The directories of storages that the workers see at other paths.
    #[serde(skip)]
    pub mounts: Vec<LaunchMount>,
    /// The user that the workers run as.
    #[serde(skip)]
    pub user: WorkerUser,
    /// Directories that the engine hides from the workers, if it can hide directories.
    #[serde(skip)]
    pub hidden: Vec<PathBuf>,
    /// Directories of storages that the workers may only read, by whatever path they mount them.
    #[serde(skip)]
    pub sealed: Vec<PathBuf>,
    /// The job as it was requested, for an engine with [`crate::Placing::Engine`]: that engine asks its own scheduler
    /// for the resources, and renders the environment where the workers run. The fields above then have no environment.
    #[serde(skip)]
    pub request: Option<Request>,
}

/// The request of a job to an engine that places it.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// The job's name, for people.
    pub job_name: String,
    /// The spec of the job.
    pub spec: JobSpec,
    /// The running time that is left of the job's time limit when the attempt is launched, where it has one. It is for the
    /// plans of the engine's scheduler: the server ends a job at its limit, and the limit may change after the launch.
    pub time_left: Option<Span>,
}

/// Leaves out the spec: its `env` contains the tokens of users.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job_name, spec: _, time_left } = self;
        let mut shown = f.debug_struct("Request");
        shown.field("job_name", job_name).field("time_left", time_left).finish_non_exhaustive()
    }
}

/// The user that the workers of an attempt run as on the server's host. Other engines ignore it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkerUser {
    /// The server's own user.
    #[default]
    Server,
    /// An account of the host, by name, with its groups.
    Account(String),
    /// A user id that belongs to no account. Its only group has the same number.
    Id {
        /// The user id.
        id: u32,
        /// The name for `USER`.
        name: String,
    },
}

/// A directory of a storage that the workers of a launch see at another path.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct LaunchMount {
    /// The storage's id, for people.
    pub storage: String,
    /// The path of the storage on the hosts of the workers.
    pub root: PathBuf,
    /// The directory inside the storage; `None` is the whole storage.
    pub directory: Option<String>,
    /// The absolute path at which the workers see the directory.
    pub target: PathBuf,
    /// Whether the workers may only read it.
    pub read_only: bool,
}

/// The most that a worker may use.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Cores in thousandths.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// A file that the workers find when they start.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct LaunchFile {
    /// The absolute path of the file, in the attempt's directory.
    pub path: PathBuf,
    /// The whole content of the file.
    pub text: String,
}

/// One worker of a launch.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
pub struct WorkerLaunch {
    /// The rank of the worker, from 0; each rank occurs once.
    pub rank: u32,
    /// The name by which the API addresses the worker.
    pub pod_name: String,
    /// Whether the engine starts a process for the worker; under MPI only for rank 0, whose launcher starts all others.
    pub process: bool,
    /// The variables that only this worker has; they replace shared ones. The worker inherits no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
}

/// Shows only the names of `env`: users put tokens into the values.
impl fmt::Debug for WorkerLaunch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("WorkerLaunch")
            .field("rank", &self.rank)
            .field("pod_name", &self.pod_name)
            .field("process", &self.process)
            .field("env", &names)
            .finish()
    }
}
