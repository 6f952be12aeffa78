//! What a crash has left: groups of attempts that nobody watches over any more.
//!
//! Only below this data directory's own directory of groups, and only where the attempt's lock is free; it is held
//! meanwhile, so that the attempt cannot be begun at the same time.

use std::{
    fs::File,
    path::Path,
    time::{Duration, Instant},
};

use trainyard_domain::id::JobId;

use super::{
    Groups,
    detect::{self, Means},
    files,
};
use crate::local::{
    dirs::{self, AttemptDir},
    lock,
};

/// How long all of it may take; what is stuck longer is found by the next start.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills who is left there and removes the groups.
pub(crate) fn clean(means: &Means, data: &Path) {
    let until = Instant::now() + PATIENCE;
    let mut names: Vec<String> = means.trees.iter().flat_map(|tree| names_in(&tree.dir)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(attempt) = attempt(&name) else { continue };
        let dir = AttemptDir(dirs::paths(data, &attempt.0, attempt.1).attempt_dir);
        let (Watched::Nobody(_lock), Some(groups)) = (watched(&dir), means.groups(&attempt.0, attempt.1)) else {
            continue;
        };
        end(&groups, &name, until);
    }
}

/// Kills who is left in an attempt's groups and removes these; answers who did not end.
pub(crate) fn end(groups: &Groups, name: &str, until: Instant) -> Vec<u32> {
    let left = groups.kill_all(until);
    if left.is_empty() {
        match groups.remove() {
            Ok(()) => detect::tidy(groups.trees.iter().filter_map(|tree| tree.dir.parent())),
            Err(error) => tracing::warn!("the control groups of {name} cannot be removed: {error}"),
        }
    }
    left
}

enum Watched {
    /// The lock, where there is a directory to lie in.
    Nobody(Option<File>),
    Somebody,
}

fn watched(dir: &AttemptDir) -> Watched {
    if !dir.0.exists() {
        return Watched::Nobody(None);
    }
    match lock::open(&dir.lock()).and_then(|file| Ok(lock::take(&file)?.then_some(file))) {
        Ok(Some(file)) => Watched::Nobody(Some(file)),
        Ok(None) | Err(_) => Watched::Somebody,
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let dirs = files::directories(dir);
    dirs.iter().filter_map(|dir| dir.file_name()?.to_str().map(str::to_owned)).collect()
}

/// `job_0123456789abcdef0123.2`
fn attempt(name: &str) -> Option<(JobId, u32)> {
    let (job, attempt) = name.rsplit_once('.')?;
    Some((job.parse().ok()?, attempt.parse().ok()?))
}
