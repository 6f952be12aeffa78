//! What happened to a job: a page of it, or all of it as it comes.

use tokio::sync::watch;
use trainyard_domain::{
    access::{Action, Actor},
    id::JobId,
};
use trainyard_store::{JobEvent, Page, PageRequest};

use crate::{App, failure::Failure, jobs::find};

/// How many events a follower is handed at once.
const BATCH: u32 = 100;

/// A page of the events after one.
///
/// # Errors
/// `NotFound`.
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

/// All events of a job after one, and those to come, until the job has ended.
#[derive(Debug)]
pub struct History {
    app: App,
    job: JobId,
    after: i64,
    changes: watch::Receiver<u64>,
}

impl History {
    /// Follows a job from after an event on.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn follow(app: &App, actor: &Actor, id: &str, after: i64) -> Result<Self, Failure> {
        let job = find(app, actor, Action::ReadJob, id).await?;
        Ok(Self { app: app.clone(), job: job.id, after, changes: app.store.changes() })
    }

    /// The next events, at least one, as soon as there are any; `None` once the job has ended and all were handed out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next(&mut self) -> Result<Option<Vec<JobEvent>>, Failure> {
        loop {
            self.changes.mark_unchanged();
            // Looked at before the events are read, so that the end's own are among them.
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
