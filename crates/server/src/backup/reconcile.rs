//! Reconciles the rows with the processes of the host when a server starts, after a restore or a move of the database.

use std::{fs, io, path::Path};

use trainyard_domain::{
    hex,
    job::{Status, Transition},
};
use trainyard_engine::EngineError;

use super::replaced_database;
use crate::{
    App,
    clock::random,
    data_dir::{file_error, write_private},
    failure::{Failure, ServeError},
    loops::apply,
};

/// The file with the name of its data directory; the database of the data directory has the same name.
const IDENTITY_FILE: &str = "identity";
/// Seconds from SIGTERM to SIGKILL for a job without a row.
const ORPHAN_GRACE_SECONDS: u32 = 30;

/// Reconciles rows and processes before the loops start, and gives the database the name of its data directory.
///
/// Errors: those of the store and of the directory.
pub(crate) async fn reconcile(app: &App) -> Result<(), ServeError> {
    let own = identity(&app.data_dir)?;
    let before = app.store.belongs_to().await.map_err(Failure::from)?;
    if before.as_ref().is_some_and(|before| *before != own) {
        end_possibly_run(app).await?;
    }
    replaced_database::end_unaccounted(app).await?;
    end_orphans(app).await?;
    if before.as_ref() != Some(&own) {
        // Last, so that a server that is killed before this line starts over.
        app.store.belong_to(&own).await.map_err(Failure::from)?;
    }
    replaced_database::clear(&app.data_dir).map_err(file_error(&app.data_dir))?;
    Ok(())
}

/// The random name of this data directory, created at the first call.
fn identity(data_dir: &Path) -> Result<String, ServeError> {
    let path = data_dir.join(IDENTITY_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(file_error(&path)(error)),
    }
    let identity = hex::encode(&random::<16>().map_err(Failure::from)?);
    write_private(&path, &identity).map_err(file_error(&path))?;
    Ok(identity)
}

/// Ends the jobs that wait in a database of another data directory, where they may have run since.
async fn end_possibly_run(app: &App) -> Result<(), Failure> {
    let waiting = app.store.jobs_in(&[Status::Queued, Status::Retrying, Status::Pending, Status::Starting]).await?;
    for job in waiting.iter().filter(|job| job.attempt.as_ref().is_none_or(|attempt| attempt.handle.is_none())) {
        let message = "the database comes from another data directory, where the job may have run since; restart the \
                       job if it has not run there";
        tracing::warn!(job = %job.id, "job ended without running: {message}");
        apply(app, job, Transition::OutcomeUnknown(message.to_owned())).await?;
    }
    Ok(())
}

/// Stops every job that runs here without a row: it was created after the restored backup. No user could see or stop
/// it, and the scheduler would give its resources to other jobs. Its files stay.
async fn end_orphans(app: &App) -> Result<(), Failure> {
    for engine in app.centres.engines() {
        let here = match engine.found().await {
            // The server starts without knowing the running jobs of this engine.
            Err(EngineError::Unreachable(why)) => {
                tracing::warn!("cannot look for running jobs that the database does not have: {why}");
                continue;
            }
            found => found?,
        };
        for id in app.store.unknown_of(&here).await? {
            match engine.abandon(&id, ORPHAN_GRACE_SECONDS).await {
                Ok(0) => {}
                Ok(_) => tracing::warn!(job = %id, "stopped a running job that the database does not have"),
                Err(error) => {
                    tracing::error!(job = %id, "cannot stop a running job that the database does not have: {error}")
                }
            }
        }
    }
    Ok(())
}
