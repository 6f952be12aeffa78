//! The paths of the local engine's files. No other module builds such a path, and this one does no IO.
//!
//! `<data>/jobs/<job>/` holds `work`, `checkpoint`, `tmp` (the user's) and one `attempt-<n>` per attempt (the engine's).
//! `<data>/deleted/` holds what is left of forgotten jobs.

use std::path::{Path, PathBuf};

use trainyard_domain::id::JobId;

use crate::AttemptPaths;

/// The FIFO in the data directory through which shims notify the server.
pub(crate) fn wake(data: &Path) -> PathBuf {
    data.join("wake")
}

/// The directory of all jobs.
pub(crate) fn jobs(data: &Path) -> PathBuf {
    data.join("jobs")
}

/// The directory of the folders of forgotten jobs that are still to be deleted.
pub(crate) fn deleted(data: &Path) -> PathBuf {
    data.join("deleted")
}

/// The directory of one job.
pub(crate) fn job(data: &Path, job: &JobId) -> PathBuf {
    jobs(data).join(job.as_str())
}

/// The paths of an attempt that the engine promises to its callers.
pub(crate) fn paths(data: &Path, id: &JobId, attempt: u32) -> AttemptPaths {
    let job = job(data, id);
    let attempt_dir = job.join(format!("attempt-{attempt}"));
    AttemptPaths {
        work_dir: job.join("work"),
        checkpoint_dir: job.join("checkpoint"),
        tmp_dir: job.join("tmp"),
        hostfile: attempt_dir.join("hostfile"),
        attempt_dir,
    }
}

/// The directory of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttemptDir(pub(crate) PathBuf);

impl AttemptDir {
    /// What to start. The server writes it before it starts the shim.
    pub(crate) fn launch(&self) -> PathBuf {
        self.0.join("launch.json")
    }

    /// Exists from the moment before the shim starts the first worker. From then on no other shim starts anything here.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("started")
    }

    /// Locked by the process that starts or runs the attempt.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The state of the attempt and its workers, written by the shim.
    pub(crate) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// Reserved files for the first and the last status, allocated before anything runs that could fill the disk.
    pub(crate) fn reserved(&self) -> [PathBuf; 2] {
        ["status.first", "status.last"].map(|name| self.0.join(name))
    }

    /// The stop request, written by the server.
    pub(crate) fn stop(&self) -> PathBuf {
        self.0.join("stop.json")
    }

    /// The FIFO through which the server notifies the shim.
    pub(crate) fn ctl(&self) -> PathBuf {
        self.0.join("ctl")
    }

    /// The error messages of the shim itself.
    pub(crate) fn shim_log(&self) -> PathBuf {
        self.0.join("shim.log")
    }

    /// The output of a worker.
    pub(crate) fn log(&self, rank: u32) -> PathBuf {
        self.0.join(format!("worker-{rank}.log"))
    }

    /// The directory of the job, which also contains the user's files.
    pub(crate) fn job(&self) -> Option<&Path> {
        self.0.parent()
    }

    /// The data directory that contains the attempt.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.job()?.parent()?.parent()
    }

    /// The job and the number of the attempt, parsed from the path.
    pub(crate) fn parse(&self) -> Option<(JobId, u32)> {
        let attempt = self.0.file_name()?.to_str()?.strip_prefix("attempt-")?.parse().ok()?;
        let job = self.job()?.file_name()?.to_str()?.parse().ok()?;
        Some((job, attempt))
    }
}
