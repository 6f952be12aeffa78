//! What lies and runs here, whether anybody knows of it or not.

use std::{fs, io};

use trainyard_domain::id::JobId;

use super::{Inner, begin, cannot, dirs, end, observe};
use crate::{EngineError, Observed};

/// The jobs that have a directory.
pub(super) fn found(inner: &Inner) -> Result<Vec<JobId>, EngineError> {
    let entries = fs::read_dir(dirs::jobs(&inner.settings.data_dir)).map_err(cannot("list the jobs' directories"))?;
    let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let names = names.map_err(cannot("list the jobs' directories"))?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// Asks each attempt of a job that runs to end. Looking at one whose shim was killed has ended it already.
pub(super) fn abandon(inner: &Inner, job: &JobId, grace_seconds: u32) -> Result<usize, EngineError> {
    let mut running = 0;
    let dir = dirs::job(&inner.settings.data_dir, job);
    for attempt in end::attempts(&dir).map_err(cannot("list the job's attempts"))? {
        let handle = begin::handle_of(inner, &attempt)?;
        if let Observed::Running { .. } = observe::one(inner, &handle)? {
            end::stop(inner, &handle, grace_seconds)?;
            running += 1;
        }
    }
    Ok(running)
}
