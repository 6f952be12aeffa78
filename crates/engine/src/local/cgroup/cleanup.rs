//! Removing what a crash has left: control groups of attempts that have no shim any more.
//!
//! Only groups of this data directory are removed, and only if the lock of their attempt is free. The lock is held
//! meanwhile, so that the attempt cannot be started at the same time.

use std::{
    fs::File,
    path::Path,
    time::{Duration, Instant},
};

use trainyard_domain::id::JobId;

use super::{
    Groups,
    detect::{self, ProcessControl},
    files,
};
use crate::local::{
    dirs::{self, AttemptDir},
    lock,
};

/// Time limit for the whole cleanup. The next start of the server continues with what is left.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Kills the remaining processes and removes their groups.
pub(crate) fn remove_orphaned(control: &ProcessControl, data: &Path) {
    let until = Instant::now() + TIMEOUT;
    let mut names: Vec<String> = control.trees.iter().flat_map(|tree| names_in(&tree.dir)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(attempt) = attempt(&name) else { continue };
        let dir = AttemptDir(dirs::paths(data, &attempt.0, attempt.1).attempt_dir);
        let (Shim::Absent(_lock), Some(groups)) = (find_shim(&dir), control.groups(&attempt.0, attempt.1)) else {
            continue;
        };
        kill_and_remove(&groups, &name, until);
    }
}

/// Kills the remaining processes of an attempt and removes its groups; returns the pids that did not end in time.
pub(crate) fn kill_and_remove(groups: &Groups, name: &str, until: Instant) -> Vec<u32> {
    let remaining = groups.kill_all(until);
    if remaining.is_empty() {
        match groups.remove() {
            Ok(()) => detect::remove_empty(groups.trees.iter().filter_map(|tree| tree.dir.parent())),
            Err(error) => tracing::warn!("cannot remove the control groups of {name}: {error}"),
        }
    }
    remaining
}

enum Shim {
    /// The lock, which this process holds now, if the attempt has a directory.
    Absent(Option<File>),
    Present,
}

fn find_shim(dir: &AttemptDir) -> Shim {
    if !dir.0.exists() {
        return Shim::Absent(None);
    }
    match lock::open(&dir.lock()).and_then(|file| Ok(lock::take(&file)?.then_some(file))) {
        Ok(Some(file)) => Shim::Absent(Some(file)),
        Ok(None) | Err(_) => Shim::Present,
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let dirs = files::directories(dir);
    dirs.iter().filter_map(|dir| dir.file_name()?.to_str().map(str::to_owned)).collect()
}

/// Parses the name of an attempt's group, such as `job_0123456789abcdef0123.2`.
fn attempt(name: &str) -> Option<(JobId, u32)> {
    let (job, attempt) = name.rsplit_once('.')?;
    Some((job.parse().ok()?, attempt.parse().ok()?))
}
