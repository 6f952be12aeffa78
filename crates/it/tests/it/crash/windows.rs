//! Finds the windows in which a kill left jobs, from the database and the files of the attempts.

use std::{collections::BTreeMap, path::Path};

use trainyard_domain::job::{Job, Status};
use trainyard_server::DATABASE;
use trainyard_store::Store;

use super::{attempt_dir, end_is_recorded};

/// A moment between two records of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Window {
    /// The row is written, and no shim has started.
    NotLaunched,
    /// The shim has started, and the row has no handle.
    HandleNotSaved,
    /// The shim has recorded the end, and the row does not have it.
    ExitNotRead,
    /// A stop was requested, and the job has not ended.
    Stopping,
}

impl Window {
    pub(super) const ALL: [Self; 4] = [Self::NotLaunched, Self::HandleNotSaved, Self::ExitNotRead, Self::Stopping];
}

/// How many kills hit each window.
#[derive(Debug, Default)]
pub(super) struct Hits(BTreeMap<Window, u32>);

impl Hits {
    pub(super) fn of(&self, window: Window) -> u32 {
        self.0.get(&window).copied().unwrap_or_default()
    }

    /// Adds one hit for each window in which the killed server left a job.
    pub(super) async fn count(&mut self, data: &Path) {
        let mut hit: Vec<Window> = live_jobs(data).await.iter().filter_map(|job| window(data, job)).collect();
        hit.sort_unstable();
        hit.dedup();
        for window in hit {
            *self.0.entry(window).or_default() += 1;
        }
    }
}

fn window(data: &Path, job: &Job) -> Option<Window> {
    let attempt = job.attempt.as_ref();
    let dir = attempt_dir(data, job.id.as_str(), attempt.map_or(1, |attempt| attempt.number));
    let started = dir.join("started").exists();
    if !started {
        Some(Window::NotLaunched)
    } else if attempt.is_none_or(|attempt| attempt.handle.is_none()) {
        Some(Window::HandleNotSaved)
    } else if end_is_recorded(&dir) {
        Some(Window::ExitNotRead)
    } else if job.status() == Status::Stopping {
        Some(Window::Stopping)
    } else {
        None
    }
}

/// Returns the jobs that have not ended. It reads a copy of the database, so that the next server finds the
/// original unchanged.
async fn live_jobs(data: &Path) -> Vec<Job> {
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join(DATABASE);
    for end in ["", "-wal"] {
        let name = format!("{DATABASE}{end}");
        if data.join(&name).exists() {
            std::fs::copy(data.join(&name), copy.path().join(&name)).unwrap();
        }
    }
    let store = Store::open(&file).await.unwrap();
    let live = [Status::Queued, Status::Starting, Status::Running, Status::Retrying, Status::Stopping];
    let jobs = store.jobs_in(&live).await.unwrap();
    store.close().await;
    jobs
}
