//! Where the local engine's files lie: the names of all of them, and nothing else.
//!
//! `<data>/jobs/<job>/` holds `work`, `checkpoint`, `tmp` (the user's) and one `attempt-<n>` per attempt (the engine's).

use std::path::{Path, PathBuf};

use trainyard_domain::id::JobId;

use crate::AttemptPaths;

/// The FIFO in the data directory by which shims wake the server.
pub(crate) fn wake(data: &Path) -> PathBuf {
    data.join("wake")
}

/// All files of all jobs.
pub(crate) fn jobs(data: &Path) -> PathBuf {
    data.join("jobs")
}

/// All files of one job.
pub(crate) fn job(data: &Path, job: &JobId) -> PathBuf {
    jobs(data).join(job.as_str())
}

/// What an engine promises about an attempt's places.
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
    /// What to start; written by the server before it starts the shim.
    pub(crate) fn launch(&self) -> PathBuf {
        self.0.join("launch.json")
    }

    /// Says that a shim was about to start workers. Once it is there, nothing is started in this directory any more.
    pub(crate) fn started(&self) -> PathBuf {
        self.0.join("started")
    }

    /// Locked by whoever starts or runs the attempt.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// What became of the workers so far; written by the shim.
    pub(crate) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// Room for the first status and for the last one, taken before anything runs that could fill the disk.
    pub(crate) fn room(&self) -> [PathBuf; 2] {
        ["status.first", "status.last"].map(|name| self.0.join(name))
    }

    /// The wish to stop; written by the server.
    pub(crate) fn stop(&self) -> PathBuf {
        self.0.join("stop.json")
    }

    /// The FIFO by which the server wakes the shim.
    pub(crate) fn ctl(&self) -> PathBuf {
        self.0.join("ctl")
    }

    /// What the shim itself has to complain about.
    pub(crate) fn shim_log(&self) -> PathBuf {
        self.0.join("shim.log")
    }

    /// All that a worker printed.
    pub(crate) fn log(&self, rank: u32) -> PathBuf {
        self.0.join(format!("worker-{rank}.log"))
    }

    /// The job's own directory, where its user's files lie.
    pub(crate) fn job(&self) -> Option<&Path> {
        self.0.parent()
    }

    /// The data directory it lies in.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.job()?.parent()?.parent()
    }

    /// Which attempt of which job it is, by its name.
    pub(crate) fn names(&self) -> Option<(JobId, u32)> {
        let attempt = self.0.file_name()?.to_str()?.strip_prefix("attempt-")?.parse().ok()?;
        let job = self.job()?.file_name()?.to_str()?.parse().ok()?;
        Some((job, attempt))
    }
}
