//! What has become, between a backup and its return, of jobs that wait in it.
//!
//! A job that has begun since has a folder that says so. One that was deleted has none any more, and one that was stopped
//! in the queue never had one. Of both the database knew that was there before the restore; where that is damaged or gone,
//! nobody knows, and what may have run is not run.

use std::{collections::BTreeMap, fs, io, path::Path};

use trainyard_domain::{
    id::JobId,
    job::{Job, Status, Transition},
};
use trainyard_engine::Handle;
use trainyard_store::{StoreError, backup};

use crate::{App, data_dir::write_private, failure::Failure, loops::apply};

/// Names the database that a restore took away, until a server has compared the two; an empty line for none.
const MARKER_FILE: &str = "restored";

/// Notes which database was there. Where two restores follow each other without a server between them, the first says
/// it: what the second takes away is a backup itself.
pub(super) fn record(data_dir: &Path, before: Option<&Path>) -> io::Result<()> {
    let marker = data_dir.join(MARKER_FILE);
    if fs::exists(&marker)? {
        return Ok(());
    }
    let name = before.and_then(Path::file_name).unwrap_or_default();
    write_private(&marker, &name.to_string_lossy())
}

/// All is settled.
pub(super) fn clear(data_dir: &Path) -> io::Result<()> {
    match fs::remove_file(data_dir.join(MARKER_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Ends the jobs that wait or run here and did not any more when the backup was put back, or of which nobody knows.
pub(super) async fn end_unaccounted(app: &App) -> Result<(), Failure> {
    let Ok(marker) = fs::read_to_string(app.data_dir.join(MARKER_FILE)) else { return Ok(()) };
    let open = app.store.jobs_in(&[Status::Queued, Status::Starting, Status::Running, Status::Retrying]).await?;
    let mut traceless = Vec::new();
    for job in &open {
        if !has_trace(app, job).await {
            traceless.push(job);
        }
    }
    let ids: Vec<JobId> = traceless.iter().map(|job| job.id.clone()).collect();
    let before = Some(marker.trim()).filter(|name| !name.is_empty()).map(|name| app.data_dir.join(name));
    let known = match before {
        Some(before) => backup::statuses(&before, &ids).await.unwrap_or_else(|error| unreadable(&before, &error)),
        None => BTreeMap::new(),
    };
    for job in traceless {
        if known.get(&job.id).is_some_and(|status| !status.has_ended()) {
            continue;
        }
        let message = "the database was put back from a backup, and this job may have run since that was made: it had \
                       ended or was deleted, or nobody knows; restart it if it is to run";
        tracing::warn!(job = %job.id, "not run: {message}");
        apply(app, job, Transition::Unaccounted(message.to_owned())).await?;
    }
    Ok(())
}

/// Whether anything tells what became of the attempt that is under way, or that would be the next. In doubt it does: then
/// nothing is ended here, and nothing begun before its engine can say more.
async fn has_trace(app: &App, job: &Job) -> bool {
    let Some(engine) = app.centres.engine(job.centre()) else { return true };
    let under_way = job.attempt.as_ref().filter(|_| job.status().is_live());
    let next = job.attempt.as_ref().map_or(1, |attempt| attempt.number + 1);
    let number = under_way.map_or(next, |attempt| attempt.number);
    let handle = under_way.and_then(|attempt| attempt.handle.clone()).map(Handle);
    engine.has_trace(&job.id, number, handle.as_ref()).await.unwrap_or(true)
}

fn unreadable(before: &Path, error: &StoreError) -> BTreeMap<JobId, Status> {
    tracing::warn!("{} cannot be read, so nobody knows what has ended since the backup: {error}", before.display());
    BTreeMap::new()
}
