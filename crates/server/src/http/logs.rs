//! The log of a worker: a piece by offset, followed, or the raw file.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::{Stream, stream};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use trainyard_api::{
    Envelope,
    failures::ReadFailures,
    log::{END_EVENT, LogChunk, LogQuery},
    paths,
};

use super::{
    follow,
    input::{Caller, NoBody, Pairs, Segments, wants},
};
use crate::{
    App,
    failure::Failure,
    jobs::{LogPlace, Piece, log_place},
};

const DEFAULT_LIMIT: u32 = 64 * 1024;
const MAX_LIMIT: i64 = 1024 * 1024;
/// How often a follower looks whether the file has grown.
const LOOK: Duration = Duration::from_millis(100);

/// Read a worker's log
///
/// A piece from `offset` on; a negative offset counts from the end. Offsets count the bytes that were written and never
/// change. With `Accept: text/event-stream` it follows: each event carries a piece as JSON, its id is the offset to go
/// on from, so a reader resumes with `Last-Event-ID` or `offset`; an event named `end` closes the log. With `Accept:
/// text/plain` the raw bytes are answered, from `offset` on and all of them unless there is a `limit`.
#[utoipa::path(
    get, path = paths::POD_LOG, operation_id = "readLog", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job."), ("podName" = String, Path, description = "Name of the worker."), LogQuery),
    responses((status = 200, description = "A piece, a stream or the file.", content((Envelope<LogChunk> = "application/json"), (String = "text/event-stream"), (String = "text/plain"))), ReadFailures)
)]
pub(super) async fn read(
    State(app): State<App>,
    Caller(actor): Caller,
    Segments((id, pod_name)): Segments<(String, String)>,
    query: Pairs,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, Failure> {
    let mut query = query.read(&["attempt", "offset", "limit"]);
    let attempt = query.number("attempt", 1..=i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok());
    let offset = query.number("offset", i64::MIN..=i64::MAX).unwrap_or_default();
    let asked = query.number("limit", 1..=MAX_LIMIT).and_then(|n| u32::try_from(n).ok());
    query.done(())?;
    let limit = asked.unwrap_or(DEFAULT_LIMIT) as usize;
    let place = log_place(&app, &actor, &id, &pod_name, attempt).await?;
    if wants(&headers, "text/event-stream") {
        let offset = follow::resume(&headers).unwrap_or(offset);
        return Ok(follow::answer(pieces(app.clone(), place, offset, limit), app.stop.clone()));
    }
    if wants(&headers, "text/plain") {
        return raw(&place, offset, asked).await;
    }
    Ok(Json(Envelope::ok(chunk(place.read(&app, offset, limit).await?))).into_response())
}

fn chunk(piece: Piece) -> LogChunk {
    LogChunk { text: piece.text, offset: piece.offset, next_offset: piece.next_offset, end: piece.end, skipped: None }
}

struct Follower {
    app: App,
    place: LogPlace,
    offset: i64,
    limit: usize,
    over: bool,
}

/// The log from an offset on, as it grows, until it has ended.
fn pieces(app: App, place: LogPlace, offset: i64, limit: usize) -> impl Stream<Item = Event> {
    let start = Follower { app, place, offset, limit, over: false };
    stream::unfold(start, |mut follower| async move {
        if follower.over {
            return None;
        }
        loop {
            let chunk = match follower.place.read(&follower.app, follower.offset, follower.limit).await {
                Ok(piece) => chunk(piece),
                Err(error) => {
                    tracing::warn!("a follower of a log was let go: {error}");
                    return None;
                }
            };
            follower.offset = i64::try_from(chunk.next_offset).unwrap_or(i64::MAX);
            let id = chunk.next_offset.to_string();
            if !chunk.text.is_empty() {
                let sent = Event::default().id(id).json_data(LogChunk { end: false, ..chunk }).unwrap_or_default();
                return Some((sent, follower));
            }
            if chunk.end {
                follower.over = true;
                let sent = Event::default().event(END_EVENT).id(id).json_data(chunk).unwrap_or_default();
                return Some((sent, follower));
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

async fn raw(place: &LogPlace, offset: i64, limit: Option<u32>) -> Result<Response, Failure> {
    let body = match place.open(offset).await? {
        Some(file) => {
            let most = limit.map_or(u64::MAX, u64::from);
            Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file).take(most)))
        }
        None => Body::empty(),
    };
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}
