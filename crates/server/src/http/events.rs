//! What happened to a job: a page, or followed.

use std::collections::VecDeque;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::{Stream, stream};
use tokio::sync::watch;
use trainyard_api::{
    Envelope, Page,
    event::{Event as WireEvent, EventListQuery},
    failures::ReadFailures,
    paths,
};
use trainyard_domain::{access::Action, id::JobId};
use trainyard_store::JobEvent;

use super::{
    follow,
    input::{Caller, NoBody, Pairs, Segments, wants},
    show,
};
use crate::{App, failure::Failure, jobs};

/// How many events a follower is handed at once.
const BATCH: u32 = 100;

/// List a job's events
///
/// Every change of its state with reason, sentence and who caused it, the oldest first. With `Accept:
/// text/event-stream` it follows: each event's id is its sequence number, so a reader resumes with `Last-Event-ID` or
/// `after`; the stream ends with an event named `end` when the job has ended.
#[utoipa::path(
    get, path = paths::EVENT_LIST, operation_id = "listJobEvents", tag = "jobs", params(("id" = String, Path, description = "Id of the job."), EventListQuery),
    responses((status = 200, description = "One page, or a stream.", content((Envelope<Page<WireEvent>> = "application/json"), (String = "text/event-stream"))), ReadFailures)
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Segments(id): Segments<String>,
    query: Pairs,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, Failure> {
    let mut query = query.read(&["after", "pageNo", "pageSize"]);
    let page = query.page();
    let after = query.number("after", 0..=i64::MAX).unwrap_or_default();
    query.done(())?;
    let job = jobs::find(&app, &actor, Action::ReadJob, &id).await?;
    if wants(&headers, "text/event-stream") {
        let after = follow::resume(&headers).unwrap_or(after);
        return Ok(follow::answer(events(app.clone(), job.id, after), app.stop));
    }
    let found = app.store.events_page(&job.id, after, page).await?;
    Ok(Json(Envelope::ok(show::page(found, page, |event| show::event(&event, &app.zone)))).into_response())
}

struct Follower {
    app: App,
    job: JobId,
    after: i64,
    changes: watch::Receiver<u64>,
    pending: VecDeque<JobEvent>,
    over: bool,
}

/// All events after one, and those to come, until the job has ended.
fn events(app: App, job: JobId, after: i64) -> impl Stream<Item = Event> {
    let changes = app.store.changes();
    let start = Follower { app, job, after, changes, pending: VecDeque::new(), over: false };
    stream::unfold(start, |mut follower| async move {
        loop {
            if let Some(event) = follower.pending.pop_front() {
                follower.after = event.sequence;
                let wire = show::event(&event, &follower.app.zone);
                let sent = Event::default().id(event.sequence.to_string()).json_data(&wire).unwrap_or_default();
                return Some((sent, follower));
            }
            if follower.over {
                return None;
            }
            follower.changes.mark_unchanged();
            // Looked at before the events are read: after the end no more are written.
            let job = follower.app.store.job(&follower.job).await.ok()?;
            let events = follower.app.store.events(&follower.job, follower.after, BATCH).await.ok()?;
            follower.pending = events.into();
            if !follower.pending.is_empty() {
                continue;
            }
            if job.is_none_or(|job| job.status().has_ended()) {
                follower.over = true;
                return Some((Event::default().event(trainyard_api::log::END_EVENT).data("{}"), follower));
            }
            follower.changes.changed().await.ok()?;
        }
    })
}
