//! The jobs that have files here, whether or not the server knows them: listing, abandoning and deleting them.

use std::{fs, io, path::Path};

use trainyard_domain::id::JobId;

use super::{
    Inner, cannot, deleted,
    dirs::{self, AttemptDir},
    launch::{self, unreadable},
    lock, observe,
    record::{self, Phase, Status},
    stop,
};
use crate::{EngineError, Observed};

/// The jobs that have a directory, in no order.
pub(super) fn found(inner: &Inner) -> Result<Vec<JobId>, EngineError> {
    let entries = fs::read_dir(dirs::jobs(&inner.settings.data_dir)).map_err(cannot("list the jobs' directories"))?;
    let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let names = names.map_err(cannot("list the jobs' directories"))?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// Stops every running attempt of a job; returns how many were running. Observing an attempt with a killed shim has
/// already killed its processes.
pub(super) fn abandon(inner: &Inner, job: &JobId, grace_seconds: u32) -> Result<usize, EngineError> {
    let mut running = 0;
    let dir = dirs::job(&inner.settings.data_dir, job);
    for attempt in attempts(&dir).map_err(cannot("list the job's attempts"))? {
        let handle = launch::handle_of(inner, &attempt)?;
        if let Observed::Running { .. } = observe::one(inner, &handle)? {
            stop::stop(inner, &handle, grace_seconds)?;
            running += 1;
        }
    }
    Ok(running)
}

/// Moves a job's directory away, to be deleted later. Only the latest attempt could be about to start, so its lock is held
/// meanwhile.
pub(super) fn forget(inner: &Inner, job: &JobId) -> Result<(), EngineError> {
    let dir = dirs::job(&inner.settings.data_dir, job);
    let mut attempts = attempts(&dir).map_err(cannot("list the job's attempts"))?;
    attempts.sort_unstable_by_key(|attempt| attempt.parse().map(|(_, number)| number));
    let mut latest = None;
    for attempt in &attempts {
        let lock = lock::open(&attempt.lock()).map_err(cannot("open an attempt's lock"))?;
        // A shim that has recorded the end releases the lock a moment later and writes nothing more.
        if !lock::take(&lock).map_err(cannot("take an attempt's lock"))? && !has_ended(attempt)? {
            return Err(EngineError::Unavailable(format!(
                "{job} is still running; its files are deleted after its end"
            )));
        }
        latest = Some(lock);
    }
    let done = deleted::put_away(&inner.settings.data_dir, job).map_err(cannot("delete the job's files"));
    drop(latest);
    done
}

fn has_ended(dir: &AttemptDir) -> Result<bool, EngineError> {
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    Ok(status.is_some_and(|status| status.phase == Phase::Ended))
}

/// The attempts that have a directory in this directory of a job.
fn attempts(job: &Path) -> io::Result<Vec<AttemptDir>> {
    let entries = match fs::read_dir(job) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let dirs = entries.map(|entry| Ok(AttemptDir(entry?.path())));
    dirs.filter(|dir| dir.as_ref().map_or(true, |dir| dir.parse().is_some())).collect()
}
