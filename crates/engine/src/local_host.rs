//! The host of the server, for engines that run their workers on it: ports, mounts, GPUs, disk, paths and names.
//!
//! Every question about this host goes through [`LocalHost`]: neither the scheduler nor a handler asks the host itself.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use trainyard_domain::{attempt::WorkerHost, id::JobId};

use crate::{EngineError, LaunchMount, WorkerUser};

/// The host of the server.
#[async_trait]
pub trait LocalHost: Send + Sync {
    /// The host's name, and the address at which its workers find each other.
    fn identity(&self) -> WorkerHost;

    /// Where the files of jobs and the server's own files are.
    fn data_dir(&self) -> &Path;

    /// The paths of an attempt's files. They depend on the arguments alone, before the launch and after it.
    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths;

    /// Whether workers can run as this user: the id of the user, or why not.
    async fn find_user(&self, user: &WorkerUser) -> Result<Result<u32, String>, EngineError>;

    /// The part of the server's environment that every worker of this user inherits, and the variables that name the
    /// user. `HOME` is missing if the user has no home directory.
    ///
    /// Errors: [`EngineError::Refused`] if workers cannot run as this user.
    async fn base_env(&self, user: &WorkerUser) -> Result<Vec<(String, String)>, EngineError>;

    /// Whether no worker can reach the server's own files in the data directory.
    fn hides_data_dir(&self) -> bool;

    /// Whether workers of this user run as root.
    fn runs_as_root(&self, user: &WorkerUser) -> bool;

    /// How many ports all jobs together can get.
    fn port_count(&self) -> usize;

    /// `count` ports that no process listens on now and that are not among `taken`, the ports that are reserved already.
    /// The ports are tried and not held: the caller must use them soon.
    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError>;

    /// Whether these mounts are possible now for workers of this user, in the order of the arguments. Nothing is mounted.
    /// The answer does not depend on files that the user may not see.
    async fn check_mounts(
        &self,
        user: &WorkerUser,
        mounts: &[LaunchMount],
    ) -> Result<Vec<Result<(), MountFault>>, EngineError>;

    /// Whether a storage may be at this path. The error says why not, such as a path that shows jobs the data
    /// directory.
    async fn check_storage(&self, path: &Path) -> Result<Result<(), String>, EngineError>;

    /// The real path of a directory that becomes a storage, or why it cannot become one.
    async fn find_storage(&self, path: &str) -> Result<Result<String, String>, EngineError>;

    /// The GPUs that are not clean: a process is on them, or their memory is not free. `None` if the host cannot tell;
    /// then all GPUs count as clean.
    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError>;

    /// The addresses on which the processes of one worker listen now, by port; empty if no process runs.
    async fn listening(&self, job: &JobId, attempt: u32, rank: u32) -> Result<Vec<SocketAddr>, EngineError>;

    /// The room on the disk of the data directory.
    async fn disk_space(&self) -> Result<DiskSpace, EngineError>;

    /// The folders of forgotten jobs that are still on the disk, in no order. Engines with one data directory answer alike.
    async fn deleted_folders(&self) -> Result<Vec<PathBuf>, EngineError>;

    /// Deletes such a folder, for at most about this time. It stops when the call is dropped.
    async fn delete_folder(&self, folder: &Path, time: Duration) -> Result<Deletion, EngineError>;
}

/// How far the deletion of a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Nothing of it is left.
    Done,
    /// The time is over; the next call continues.
    Unfinished,
    /// Something in it cannot be deleted; the text says what and why.
    Blocked(String),
}

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that the server may still write.
    pub free_bytes: u64,
    /// The size of the whole disk in bytes.
    pub size_bytes: u64,
}

/// A GPU that is not clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusyGpu {
    /// Number of the GPU on its host.
    pub index: u32,
    /// What occupies the GPU, for users.
    pub what: String,
}

/// The paths of one attempt's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptPaths {
    /// The attempt's own directory.
    pub attempt_dir: PathBuf,
    /// The directory in which a command runs if its spec names none; one for each job, kept over attempts.
    pub work_dir: PathBuf,
    /// The directory for checkpoints; one for each job, kept over attempts.
    pub checkpoint_dir: PathBuf,
    /// The directory for `TMPDIR`; one for each job.
    pub tmp_dir: PathBuf,
    /// The hostfile, in the attempt's directory.
    pub hostfile: PathBuf,
}

/// Why a mount is not possible now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFault {
    /// The part of the mount that is at fault.
    pub part: MountPart,
    /// The fault as a sentence.
    pub message: String,
}

/// A part of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountPart {
    /// The storage itself.
    Storage,
    /// The directory inside the storage.
    Directory,
    /// The path at which the workers would see it.
    Target,
}
