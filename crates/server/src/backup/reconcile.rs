//! Bringing rows and reality together when a server starts, in case a backup was put back or the database was moved.

use std::{fs, io, path::Path};

use trainyard_domain::{
    hex,
    job::{Status, Transition},
};

use super::replaced_database;
use crate::{
    App,
    clock::random,
    data_dir::{file_error, write_private},
    failure::{Failure, ServeError},
    loops::apply,
};

/// Names a data directory; the database that belongs to it knows it too.
const IDENTITY_FILE: &str = "identity";
/// How long a job has that nobody knows any more.
const ORPHAN_GRACE_SECONDS: u32 = 30;

/// Brings rows and reality together before the loops start, and makes database and data directory know each other.
///
/// # Errors
/// Those of the store and of the directory.
pub(crate) async fn reconcile(app: &App) -> Result<(), ServeError> {
    let own = identity(&app.data_dir)?;
    let before = app.store.belongs_to().await.map_err(Failure::from)?;
    if before.as_ref().is_some_and(|before| *before != own) {
        end_possibly_run(app).await?;
    }
    replaced_database::end_unaccounted(app).await?;
    end_orphans(app).await?;
    if before.as_ref() != Some(&own) {
        // Last, so that a server that is killed before it begins again.
        app.store.belong_to(&own).await.map_err(Failure::from)?;
    }
    replaced_database::clear(&app.data_dir).map_err(file_error(&app.data_dir))?;
    Ok(())
}

/// The name of this data directory, given when it is first asked for.
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

/// What waits in a database from elsewhere may have run there since.
async fn end_possibly_run(app: &App) -> Result<(), Failure> {
    let waiting = app.store.jobs_in(&[Status::Queued, Status::Retrying, Status::Starting]).await?;
    for job in waiting.iter().filter(|job| job.attempt.as_ref().is_none_or(|attempt| attempt.handle.is_none())) {
        let message = "the database was brought here from another data directory, where the job may have run since; \
                       restart it if it has not";
        tracing::warn!(job = %job.id, "not run: {message}");
        apply(app, job, Transition::Unaccounted(message.to_owned())).await?;
    }
    Ok(())
}

/// What runs here without a row was made after the backup that was put back: nobody could see or stop it, and what it
/// takes would be handed out again. It is stopped; its files stay.
async fn end_orphans(app: &App) -> Result<(), Failure> {
    for centre in app.centres.iter() {
        let here = centre.engine.found().await?;
        for id in app.store.unknown_of(&here).await? {
            match centre.engine.abandon(&id, ORPHAN_GRACE_SECONDS).await {
                Ok(0) => {}
                Ok(_) => tracing::warn!(job = %id, "stopped: it runs, and the database knows nothing of it"),
                Err(error) => {
                    tracing::error!(job = %id, "cannot be stopped, and the database knows nothing of it: {error}")
                }
            }
        }
    }
    Ok(())
}
