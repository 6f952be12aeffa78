//! The only place that starts anything.
//!
//! An [`Engine`] begins attempts, watches them and ends them. It reports facts and never decides a job's state, knows
//! no database, and keeps nothing in memory that a restart of the server would miss. Every verb may be said twice.

pub mod fake;
pub mod local;
pub mod log;

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use trainyard_domain::{attempt::WorkerFact, capacity::Capacity, id::JobId};

/// What starts, watches and ends the attempts of one compute centre.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// What this engine is and what it cannot honour, for people.
    fn describe(&self) -> Description;

    /// All that it can hand out.
    async fn capacity(&self) -> Result<Capacity, EngineError>;

    /// The accelerators of this host that are not clean: a process is on them, or their memory is not free. `None` where
    /// nobody can see that; then all are clean by definition.
    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError>;

    /// Where an attempt's files lie; a pure function of its two arguments, before the launch and after.
    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths;

    /// What a worker's environment takes from the server's own.
    fn base_env(&self) -> Vec<(String, String)>;

    /// That many ports that nobody listens on now and that are not among `taken`, which the caller has promised to
    /// others. Tried, not held: whoever is handed one must use it soon.
    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError>;

    /// Whether these could be mounted now; nothing is made. In the order asked.
    async fn check_mounts(&self, mounts: &[LaunchMount]) -> Result<Vec<Result<(), MountFault>>, EngineError>;

    /// Whether a storage could lie at this path of the host: a sentence where it would show what jobs must not see.
    async fn check_storage(&self, _path: &Path) -> Result<Result<(), String>, EngineError> {
        Ok(Ok(()))
    }

    /// Begins an attempt. Said twice, even at once or by two servers one after the other, it begins one run and gives
    /// the same handle.
    async fn launch(&self, launch: &Launch) -> Result<Handle, EngineError>;

    /// Makes sure that an attempt which was asked to end before anybody knew whether it had begun never begins from now
    /// on: its handle if it had begun (then it is to be stopped by that), `None` if it had not and now never will, so
    /// that a later [`Engine::launch`] of the same attempt is refused.
    async fn cancel(&self, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError>;

    /// What is true now of each, in the order asked.
    async fn observe(&self, handles: &[Handle]) -> Vec<Result<Observed, EngineError>>;

    /// Asks for the end: SIGTERM to every process, the grace, then SIGKILL. It returns when the wish is safely noted,
    /// not when it has come true. A later call can shorten the grace and never lengthens it.
    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError>;

    /// Resolves when something may have changed since the last time, and says where. It may be dropped at any await
    /// and may resolve for nothing; a caller still looks at everything from time to time.
    async fn wakeup(&self) -> Wakeup;

    /// The file that holds all that a worker printed; it may not exist yet.
    fn log_path(&self, job: &JobId, attempt: u32, rank: u32) -> PathBuf;

    /// The jobs of which files lie here, in no order.
    async fn found(&self) -> Result<Vec<JobId>, EngineError>;

    /// Whether anything is left that tells what became of an attempt, where it ran or would run.
    async fn has_trace(&self, job: &JobId, attempt: u32, handle: Option<&Handle>) -> Result<bool, EngineError>;

    /// Asks for the end of whatever runs of a job that nobody knows any more, and answers how many of its attempts that
    /// are; its files stay.
    async fn abandon(&self, job: &JobId, grace_seconds: u32) -> Result<usize, EngineError>;

    /// Where the processes of one worker listen now, by port; nowhere where none runs.
    async fn listening(&self, job: &JobId, attempt: u32, rank: u32) -> Result<Vec<SocketAddr>, EngineError>;

    /// Removes all files of a job. Refuses while one of its attempts runs; a job without files is no error.
    async fn forget(&self, job: &JobId) -> Result<(), EngineError>;
}

/// Where something may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// Anywhere.
    Everywhere,
    /// In the attempts of these jobs.
    Of(BTreeSet<JobId>),
}

/// An accelerator that is not clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyGpu {
    /// Its number on the host.
    pub index: u32,
    /// What is to be seen there, for people.
    pub what: String,
}

/// All that an engine needs to start one attempt.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Launch {
    /// The job.
    pub job: JobId,
    /// Which try of it, from 1.
    pub attempt: u32,
    /// Run by `/bin/sh -c` on every worker that has a process.
    pub command: String,
    /// Where it runs; `None` is [`AttemptPaths::work_dir`], and a relative one lies below that.
    pub work_dir: Option<String>,
    /// How long after SIGTERM the others live on when one worker has failed.
    pub stop_grace_seconds: u32,
    /// What each worker may use at most, where the engine can hold it to that; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<WorkerLimits>,
    /// Written before the start, readable by the job's user only.
    pub files: Vec<LaunchFile>,
    /// One for each rank.
    pub workers: Vec<WorkerLaunch>,
    /// What the workers see in another place.
    #[serde(skip)]
    pub mounts: Vec<LaunchMount>,
    /// Directories whose content they must not see, as far as the engine can hide anything.
    #[serde(skip)]
    pub hidden: Vec<PathBuf>,
    /// Directories of storages that they may only read, whatever name they mount them by.
    #[serde(skip)]
    pub sealed: Vec<PathBuf>,
}

/// A directory of a storage that the workers of a launch see in another place.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct LaunchMount {
    /// The storage's id, for people.
    pub storage: String,
    /// Where the storage lies.
    pub root: PathBuf,
    /// The directory inside it; `None` is the whole.
    pub directory: Option<String>,
    /// Where the workers see it; absolute.
    pub target: PathBuf,
    /// Whether they may only read.
    pub read_only: bool,
}

/// Why a mount cannot be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFault {
    /// Which part of it is to blame.
    pub part: MountPart,
    /// For people.
    pub message: String,
}

/// A part of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountPart {
    /// The storage itself.
    Storage,
    /// The directory inside it.
    Directory,
    /// Where the workers would see it.
    Target,
}

/// What a worker may use at most.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerLimits {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
}

/// A file that the workers find when they start.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct LaunchFile {
    /// Absolute, and below the attempt's directory.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// One worker of a launch.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
pub struct WorkerLaunch {
    /// From 0, each once.
    pub rank: u32,
    /// Its name for people.
    pub pod_name: String,
    /// Whether it has a process of its own; under MPI on one host only rank 0 has.
    pub process: bool,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
}

/// Users put tokens into `env`, so only its names are ever printed.
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

/// Where the files of one attempt lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptPaths {
    /// The attempt's own directory.
    pub attempt_dir: PathBuf,
    /// Where commands run that name no directory; one per job, kept over attempts.
    pub work_dir: PathBuf,
    /// For checkpoints; one per job, kept over attempts.
    pub checkpoint_dir: PathBuf,
    /// For `TMPDIR`; one per job.
    pub tmp_dir: PathBuf,
    /// Where a hostfile goes, below the attempt's directory.
    pub hostfile: PathBuf,
}

/// What an engine needs to find a started attempt again. Others keep it and do not read it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub struct Handle(pub String);

/// What is true of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// It never began and nothing is about to begin it: launch it again.
    NotStarted,
    /// It runs, or is being started or stopped.
    Running {
        /// Unix milliseconds; `None` until the processes of all workers exist.
        started_ms: Option<i64>,
        /// How long it has run since then, by a clock that nobody sets; 0 before.
        running_ms: i64,
        /// By rank; empty while nothing is known of them.
        workers: Vec<WorkerFact>,
    },
    /// It is over, and no process of it exists.
    Ended {
        /// Unix milliseconds; `None` when not all workers could be started.
        started_ms: Option<i64>,
        /// Unix milliseconds.
        ended_ms: i64,
        /// From the start of all to the end, by a clock that nobody sets; 0 without a start.
        running_ms: i64,
        /// By rank.
        workers: Vec<WorkerFact>,
        /// The rank that failed first, if one did before the end was asked for.
        first_failure: Option<u32>,
        /// Whether [`Engine::stop`] was said before any worker failed and while one still ran.
        stopped: bool,
    },
    /// It is over and nobody saw how.
    Lost {
        /// Why, for people.
        message: String,
        /// How long it ran, as far as that can be known.
        running_ms: i64,
        /// The last that was known of them.
        workers: Vec<WorkerFact>,
        /// Whether the host has been started anew since.
        reboot: bool,
    },
}

/// What an engine is, for `serve`, `centre show` and the preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `local`, `slurm` or `kubernetes`.
    pub engine: &'static str,
    /// `process` or `container`.
    pub runtime: String,
    /// How well jobs are kept from the server's secrets.
    pub isolation: String,
    /// Whether running jobs outlive the server.
    pub survives_restart: bool,
    /// Why, or why not.
    pub survives_restart_reason: String,
    /// By what it is made sure that nobody outlives an attempt.
    pub killing: Killing,
    /// What workers are held to.
    pub limits: Limits,
    /// What a job may ask for and will not get.
    pub cannot: Vec<Limitation>,
}

/// By what it is made sure that nobody outlives an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killing {
    /// For programs: `cgroup.kill`, `freezer`, `pid namespace`, `subreaper`, or the engine's own word.
    pub means: &'static str,
    /// For people.
    pub note: String,
}

/// By what workers are held to what they asked for: `cgroup v2`, `cgroup v1`, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Cores.
    pub cpu: &'static str,
    /// Memory.
    pub memory: &'static str,
    /// Processes and threads.
    pub pids: &'static str,
    /// Why some are `none`, for people; empty where all are there.
    pub note: String,
}

/// One thing that an engine cannot honour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limitation {
    /// For programs.
    pub code: String,
    /// The field of the job's spec that asks for it.
    pub field_path: String,
    /// Whether a job that asks for it is refused, and not only told.
    pub refuses: bool,
    /// For people.
    pub message: String,
}

/// Why an engine did not do it, by what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It will never work like this: give it up.
    #[error("{0}")]
    Refused(String),
    /// It may work later: try again.
    #[error("{0}")]
    Unavailable(String),
}
