//! Removes the logs and folders of jobs that ended long ago; their rows stay.

use crate::{App, failure::Failure};

/// How many jobs one pass cleans up at the most.
const BATCH: u32 = 100;

/// One pass.
///
/// # Errors
/// Those of the store; a folder that cannot be removed is tried again by the next pass.
pub async fn pass(app: &App) -> Result<(), Failure> {
    let long_ago = app.lived.now(&app.clock) - app.retention_ms;
    for id in app.store.ended_before(long_ago, BATCH).await? {
        let Some(job) = app.store.job(&id).await? else {
            continue;
        };
        let Some(engine) = app.centres.engine(job.centre()) else {
            continue;
        };
        match engine.forget(&id).await {
            Ok(()) => drop(app.store.mark_logs_removed(&id).await?),
            Err(error) => tracing::warn!(job = %id, "its folder could not be removed: {error}"),
        }
    }
    Ok(())
}
