//! What an engine says about itself, for `serve`, `centre show` and the preview.

use trainyard_domain::job_spec::Problem;

/// What an engine is and what it cannot honour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `local`, `slurm` or `kubernetes`.
    pub engine: &'static str,
    /// `process` or `container`.
    pub runtime: String,
    /// How well jobs are kept from the server's secrets.
    pub isolation: String,
    /// Each means of isolating jobs from each other and from the host; empty for an engine that leaves this to its place.
    pub means: Vec<Isolation>,
    /// Whether running jobs survive a restart of the server.
    pub survives_restart: bool,
    /// Why running jobs survive a restart, or why not.
    pub survives_restart_reason: String,
    /// How the engine ensures that no process outlives an attempt.
    pub killing: Killing,
    /// The limits that the engine enforces on workers.
    pub limits: Limits,
    /// Whether jobs can mount storages at all.
    pub can_mount: bool,
    /// What no job gets from this engine, whatever its spec asks for.
    pub limitations: Vec<Problem>,
}

/// One means of isolating jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// For programs, such as `pid namespace`.
    pub means: &'static str,
    /// Whether jobs have it.
    pub is_used: bool,
    /// What it does; if it is not used, why not.
    pub note: String,
}

/// How an engine ensures that no process outlives an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killing {
    /// For programs: `cgroup.kill`, `freezer`, `pid namespace`, `subreaper`, or the engine's own word.
    pub means: &'static str,
    /// The same as a sentence.
    pub note: String,
}

/// What enforces the limits of workers: `cgroup v2`, `cgroup v1`, the engine's own word, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Enforces the limit of cores.
    pub cpu: &'static str,
    /// Enforces the limit of memory.
    pub memory: &'static str,
    /// Enforces the limit of processes and threads.
    pub pids: &'static str,
    /// Why some of them are `none`, for users; empty if none of them is.
    pub note: String,
}
