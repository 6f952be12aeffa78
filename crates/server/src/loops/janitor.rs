//! Removes the logs and folders of jobs that ended long ago; their rows stay. The cleaner deletes what was removed.

mod retention_clock;

use futures_util::future::try_join_all;
use trainyard_domain::{id::CentreId, time::WallTime};

use self::retention_clock::RetentionClock;
use crate::{App, failure::Failure};

/// How many jobs of one centre a pass cleans up at most.
const BATCH: u32 = 100;

/// The loop that deletes old files, with the clock by which they grow old.
#[derive(Debug)]
pub struct Janitor {
    app: App,
    retention: RetentionClock,
}

impl Janitor {
    /// The janitor of a server.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), retention: RetentionClock::new(&app.data_dir) }
    }

    /// One pass.
    ///
    /// Errors: those of the store. A folder that cannot be deleted is tried again by the next pass.
    pub async fn pass(&mut self) -> Result<(), Failure> {
        let app = &self.app;
        let limit = self.retention.now(&app.clock) - app.retention;
        // Each centre has a batch of its own, so that an engine that fails leaves the jobs of the others their turn.
        try_join_all(app.centres.ids().map(|centre| clean_up(app, centre, limit))).await?;
        Ok(())
    }
}

/// Deletes the logs and folders of jobs of one centre that ended before this time.
async fn clean_up(app: &App, centre: CentreId, limit: WallTime) -> Result<(), Failure> {
    let Some(engine) = app.centres.engine(centre) else { return Ok(()) };
    for id in app.store.ended_before(centre, limit, BATCH).await? {
        match engine.forget(&id).await {
            Ok(()) => {
                app.cleaner.notify_one();
                app.store.mark_logs_removed(&id).await?;
            }
            Err(error) => tracing::warn!(job = %id, "cannot remove its folder; the next pass tries again: {error}"),
        }
    }
    Ok(())
}
