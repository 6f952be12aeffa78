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
use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::extract::accepts;

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

/// A response that streams events, until `stop` is cancelled.
pub(super) fn answer(events: impl Stream<Item = Event> + Send + 'static, stop: CancellationToken) -> Response {
    let events = events.take_until(stop.cancelled_owned()).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// The same for events that are rendered already. The stream itself sends the comments that keep the connection open.
pub(super) fn answer_bytes(events: impl Stream<Item = Bytes> + Send + 'static, stop: CancellationToken) -> Response {
    let events = events.take_until(stop.cancelled_owned()).map(Ok::<_, Infallible>);
    let head = [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, "no-cache")];
    (head, Body::from_stream(events)).into_response()
}
