//! Responses with server-sent events. A stream ends when the server stops.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, StreamExt as _, stream};
use trainyard_api::log::CLOSED_EVENT;

use super::{extract::accepts, failure_response};
use crate::{App, caller::Caller};

const EVENT_STREAM: &str = "text/event-stream";
/// The longest time without an event before a stream sends a comment, so that proxies keep the connection open.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether the client asks for a stream instead of JSON.
pub(super) fn is_requested(headers: &HeaderMap) -> bool {
    accepts(headers, EVENT_STREAM)
}

/// The id of the last event that a resuming client received, from `Last-Event-ID`.
pub(super) fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}

/// A response that streams events, until the server stops. When the key of the call ends, the last event is
/// [`CLOSED_EVENT`].
pub(super) fn answer(events: impl Stream<Item = Event> + Send + 'static, app: &App, caller: Caller) -> Response {
    let closed = |data: String| Event::default().event(CLOSED_EVENT).data(data);
    let events = until_closed(events, app, caller, closed).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// The same for events that are rendered already. The stream itself sends the comments that keep the connection open.
pub(super) fn answer_bytes(events: impl Stream<Item = Bytes> + Send + 'static, app: &App, caller: Caller) -> Response {
    let closed = |data: String| Bytes::from(format!("event: {CLOSED_EVENT}\ndata: {data}\n\n"));
    let events = until_closed(events, app, caller, closed).map(Ok::<_, Infallible>);
    let head = [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, "no-cache")];
    (head, Body::from_stream(events)).into_response()
}

/// The items of a stream until the server stops or the key of the call ends. In the latter case `closed` makes the last
/// item of the failure, as the text of the envelope that a new call with the key would get.
pub(super) fn until_closed<T: Send + 'static>(
    items: impl Stream<Item = T> + Send + 'static,
    app: &App,
    caller: Caller,
    closed: impl FnOnce(String) -> T + Send + 'static,
) -> impl Stream<Item = T> + Send + 'static {
    let ended = Box::pin(caller.ended(app.clone()));
    let items = Box::pin(items).take_until(ended);
    let items = stream::unfold(Some((items, closed)), |state| async move {
        let (mut items, closed) = state?;
        if let Some(item) = items.next().await {
            return Some((item, Some((items, closed))));
        }
        let failure = items.take_result()?;
        Some((closed(failure_response::text(&failure)), None))
    });
    items.take_until(app.stop.clone().cancelled_owned())
}
