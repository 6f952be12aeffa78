//! The calls about the events of a job: a page of them, or a stream.

use std::collections::VecDeque;

use axum::{
    http::HeaderMap,
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::{Stream, stream};
use jiff::tz::TimeZone;
use trainyard_api::{
    Envelope, Page,
    event::{Event as WireEvent, EventListQuery},
    failures::ReadFailures,
    log::END_EVENT,
    paths,
};

use super::{
    answer::ok,
    event_stream,
    extract::{Call, NoBody, QueryParams},
    path::JobPath,
    show,
};
use crate::{
    failure::Failure,
    jobs::{self, History},
};

/// List a job's events
///
/// Every change of the job's state with its reason, a message and the actor, the oldest first. With `Accept:
/// text/event-stream` the response is a stream that follows the job: the id of each event is its sequence number, so a
/// client resumes with `Last-Event-ID` or `after`. When the job has ended, the stream ends with an event named `end`. When
/// the key of the call is revoked, expires or gets other rights, the stream ends with an event named `closed`: its data is
/// the envelope that a new call with the key would get.
#[utoipa::path(
    get, path = paths::EVENT_LIST, operation_id = "listJobEvents", tag = "jobs", params(JobPath, EventListQuery),
    responses((status = 200, description = "One page of events, or a stream.", content((Envelope<Page<WireEvent>> = "application/json"), (String = "text/event-stream"))), ReadFailures)
)]
pub(crate) async fn list(
    Call { app, actor, path }: Call<JobPath>,
    query: QueryParams,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, Failure> {
    let mut query = query.read(&["after", "pageNo", "pageSize"]);
    let page = query.page();
    let after = query.number("after", 0..=i64::MAX).unwrap_or_default();
    query.finish(())?;
    if event_stream::is_requested(&headers) {
        let after = event_stream::last_event_id(&headers).unwrap_or(after);
        let history = History::follow(&app, &actor, &path.id, after).await?;
        return Ok(event_stream::answer(stream_of(history, app.zone.clone()), &app, actor));
    }
    let found = jobs::events(&app, &actor, &path.id, after, page).await?;
    Ok(ok(show::page(found, page, |event| show::event(&event, &app.zone))).into_response())
}

/// The events one by one, and after the last an event named `end`.
fn stream_of(history: History, zone: TimeZone) -> impl Stream<Item = Event> {
    stream::unfold(Some((history, VecDeque::new())), move |follower| {
        let zone = zone.clone();
        async move {
            let (mut history, mut pending) = follower?;
            if pending.is_empty() {
                match history.next().await {
                    Ok(events) => pending.extend(events.unwrap_or_default()),
                    Err(error) => {
                        tracing::warn!("a stream of a job's events was closed: {error}");
                        return None;
                    }
                }
            }
            let Some(event) = pending.pop_front() else {
                return Some((Event::default().event(END_EVENT).data("{}"), None));
            };
            let sent = Event::default().id(event.sequence.to_string());
            let sent = sent.json_data(show::event(&event, &zone)).unwrap_or_default();
            Some((sent, Some((history, pending))))
        }
    })
}
