//! The events of a job: a page of them, or all of them as they happen.

use tokio::sync::watch;
use trainyard_domain::{
    access::{Action, Actor},
    id::JobId,
};
use trainyard_store::{JobEvent, Page, PageRequest};

use crate::{App, failure::Failure, jobs::find};

/// The maximum number of events that a follower gets at once.
const BATCH: u32 = 100;

/// A page of the events after one.
///
/// Errors: `NotFound`.
pub async fn events(
    app: &App,
    actor: &Actor,
    id: &str,
    after: i64,
    page: PageRequest,
) -> Result<Page<JobEvent>, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    Ok(app.store.events_page(&job.id, after, page).await?)
}

/// The events of a job after a given one, past and future, until the job has ended.
#[derive(Debug)]
pub struct History {
    app: App,
    job: JobId,
    after: i64,
    changes: watch::Receiver<u64>,
}

impl History {
    /// Follows a job, starting after the event with the sequence number `after`.
    ///
    /// Errors: `NotFound`.
    pub async fn follow(app: &App, actor: &Actor, id: &str, after: i64) -> Result<Self, Failure> {
        let job = find(app, actor, Action::ReadJob, id).await?;
        Ok(Self { app: app.clone(), job: job.id, after, changes: app.store.changes() })
    }

    /// Waits for the next events and returns at least one; `None` once the job has ended and all events were returned.
    ///
    /// Errors: those of the store.
    pub async fn next(&mut self) -> Result<Option<Vec<JobEvent>>, Failure> {
        loop {
            self.changes.mark_unchanged();
            // The job is read before its events, so that the events of its end are among them.
            let job = self.app.store.job(&self.job).await?;
            let events = self.app.store.events(&self.job, self.after, BATCH).await?;
            if let Some(last) = events.last() {
                self.after = last.sequence;
                return Ok(Some(events));
            }
            if job.is_none_or(|job| job.status().has_ended()) || self.changes.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
