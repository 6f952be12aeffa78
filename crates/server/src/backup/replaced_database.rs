//! Decides after a restore which jobs of the backup have run since the backup.
//!
//! A job that started since has a folder that shows it. A deleted job has no folder any more, and a job that was
//! stopped in the queue never had one. The database that the restore replaced knew both. If that database is damaged or
//! gone, the server ends every job that may have run.

use std::{collections::BTreeMap, fs, io, path::Path};

use trainyard_domain::{
    id::JobId,
    job::{Job, Status, Transition},
};
use trainyard_engine::Handle;
use trainyard_store::{StoreError, backup};

use crate::{App, data_dir::write_private, failure::Failure, loops::apply};

/// The file that names the database replaced by a restore, until a server has compared the two; empty for none.
const MARKER_FILE: &str = "restored";

/// Records which database was replaced. If two restores follow each other without a server in between, the first record
/// stays, since the second restore replaces a backup.
pub(super) fn record(data_dir: &Path, before: Option<&Path>) -> io::Result<()> {
    let marker = data_dir.join(MARKER_FILE);
    if fs::exists(&marker)? {
        return Ok(());
    }
    let name = before.and_then(Path::file_name).unwrap_or_default();
    write_private(&marker, &name.to_string_lossy())
}

/// Deletes the record, after the comparison.
pub(super) fn clear(data_dir: &Path) -> io::Result<()> {
    match fs::remove_file(data_dir.join(MARKER_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Ends the jobs that wait or run in the backup but had ended or were deleted before the restore, or may have.
pub(super) async fn end_unaccounted(app: &App) -> Result<(), Failure> {
    let Ok(marker) = fs::read_to_string(app.data_dir.join(MARKER_FILE)) else { return Ok(()) };
    let states = [Status::Queued, Status::Pending, Status::Starting, Status::Running, Status::Retrying];
    let open = app.store.jobs_in(&states).await?;
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
        let message = "the database was restored from a backup, and this job may have run since the backup: it had \
                       ended or was deleted, or that is unknown; restart the job if it should run";
        tracing::warn!(job = %job.id, "job ended without running: {message}");
        apply(app, job, Transition::OutcomeUnknown(message.to_owned())).await?;
    }
    Ok(())
}

/// Whether the engine has a trace of the job's live attempt, or of the attempt that would be next. `true` if that is
/// unknown: then the job is not ended here, and it does not start before the engine answers.
async fn has_trace(app: &App, job: &Job) -> bool {
    let Some(engine) = app.centres.engine(job.centre()) else { return true };
    let live = job.attempt.as_ref().filter(|_| job.status().is_live());
    let next = job.attempt.as_ref().map_or(1, |attempt| attempt.number + 1);
    let number = live.map_or(next, |attempt| attempt.number);
    let handle = live.and_then(|attempt| attempt.handle.clone()).map(Handle);
    engine.has_trace(&job.id, number, handle.as_ref()).await.unwrap_or(true)
}

fn unreadable(before: &Path, error: &StoreError) -> BTreeMap<JobId, Status> {
    tracing::warn!(
        "cannot read {}, so it is unknown which jobs have ended since the backup: {error}",
        before.display()
    );
    BTreeMap::new()
}
