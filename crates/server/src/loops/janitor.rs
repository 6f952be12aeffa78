//! Removes the logs and folders of jobs that ended long ago; their rows stay. The cleaner deletes what was removed.

mod retention_clock;

use self::retention_clock::RetentionClock;
use crate::{App, failure::Failure};

/// How many jobs one pass cleans up at most.
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
        for (id, centre) in app.store.ended_before(limit, BATCH).await? {
            let Some(engine) = app.centres.engine(centre) else {
                continue;
            };
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
}
