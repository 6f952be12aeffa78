//! Server-sent events: a stream of them that ends with the server.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

/// How often a silent stream says that it lives, so that proxies keep it open.
const ALIVE: Duration = Duration::from_secs(15);

/// Answers a stream of events; it closes when the server is to stop.
pub(super) fn answer(events: impl Stream<Item = Event> + Send + 'static, stop: CancellationToken) -> Response {
    let events = events.take_until(stop.cancelled_owned()).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

/// The number after which a reader wants to go on: what its browser remembers, else what the query says.
pub(super) fn resume(headers: &axum::http::HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}
