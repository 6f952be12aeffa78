//! The call that reads a worker's log: a piece by offset, a stream, or the raw bytes.

pub(super) mod search;

use std::{io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, stream};
use tokio::time::timeout;
use trainyard_api::{
    Envelope,
    failures::ReadFailures,
    log::{END_EVENT, LogChunk, LogQuery, LogTime, cut_line},
    paths,
};

use super::{
    answer::ok,
    event_stream::{self, KEEP_ALIVE},
    extract::{Call, NoBody, QueryParams, accepts},
    path::WorkerPath,
};
use crate::{
    App,
    caller::Caller,
    failure::Failure,
    jobs::worker_log,
    logs::{Follower, LineTime, LogRequest, Part, Piece, WorkerLog},
};

/// The size of a piece if the call has no `limit`, in bytes.
const DEFAULT_LIMIT: u32 = 64 * 1024;
/// The largest `limit`, in bytes.
const MAX_LIMIT: i64 = 1024 * 1024;

/// Read a worker's log
///
/// A piece that starts at `offset`; a negative offset counts from the end. Offsets count the bytes that the worker
/// wrote and never change. Of a log beyond its cap, the first and the last part are kept: a read between them starts
/// with the last part, and `skipped` is the number of missing bytes. With `Accept: text/event-stream` the response is a
/// stream that follows the log: each event has a piece as JSON, and its id is the offset of the next piece, so a client
/// resumes with `Last-Event-ID` or `offset`. After the end of the log, the stream ends with an event named `end`. When the
/// key of the call is revoked, expires or gets other rights, the stream ends with an event named `closed`: its data is the
/// envelope that a new call with the key would get. With `Accept: text/plain` the response is the raw bytes from `offset`
/// to the current end of the log, at most `limit`; a line marks missing bytes. If the key ends meanwhile, the connection is
/// cut.
#[utoipa::path(
    get, path = paths::POD_LOG, operation_id = "readLog", tag = "jobs",
    params(WorkerPath, LogQuery),
    responses((status = 200, description = "A piece, a stream or the raw bytes.", content((Envelope<LogChunk> = "application/json"), (String = "text/event-stream"), (String = "text/plain"))), ReadFailures)
)]
pub(crate) async fn read(
    Call { app, actor, path }: Call<WorkerPath>,
    query: QueryParams,
    headers: HeaderMap,
    _: NoBody,
) -> Result<Response, Failure> {
    let mut query = query.read(&["attempt", "offset", "limit", "times"]);
    let attempt = query.count("attempt");
    let offset = query.number("offset", i64::MIN..=i64::MAX).unwrap_or_default();
    let asked = query.number("limit", 1..=MAX_LIMIT).and_then(|n| u32::try_from(n).ok());
    let times = query.choice("times", &["true", "false"]).is_some_and(|word| word == "true");
    query.finish(())?;
    let request = LogRequest { offset, limit: asked.unwrap_or(DEFAULT_LIMIT) as usize, times };
    let log = worker_log(&app, &actor, &path.id, &path.pod_name, attempt).await?;
    if event_stream::is_requested(&headers) {
        let offset = event_stream::last_event_id(&headers).unwrap_or(offset);
        let follower = Follower::new(log, LogRequest { offset, ..request });
        return Ok(event_stream::answer_bytes(events(follower), &app, actor));
    }
    if accepts(&headers, "text/plain") {
        return raw(log, &path.pod_name, (offset, asked), &app, actor).await;
    }
    Ok(ok(chunk(&log.read(request).await?)).into_response())
}

fn chunk(piece: &Piece) -> LogChunk {
    let Piece { chunk, times, end } = piece;
    LogChunk {
        text: chunk.text.clone(),
        offset: chunk.offset,
        next_offset: chunk.next_offset,
        end: *end,
        skipped: (chunk.skipped > 0).then_some(chunk.skipped),
        times: times.as_ref().map(|times| times.iter().map(time).collect()),
    }
}

fn time(of: &LineTime) -> LogTime {
    LogTime { line: of.line, offset: of.offset, time_ms: of.time.as_ms() }
}

/// The bytes of a part, with a line in front that marks missing bytes.
fn with_mark(part: Part) -> Bytes {
    match part.skipped {
        0 => part.bytes.into(),
        skipped => [format!("\n{}\n", cut_line(skipped)).into_bytes(), part.bytes].concat().into(),
    }
}

/// The events of a stream as bytes: followers of one log share them, so each event is rendered once.
fn events(follower: Follower) -> impl Stream<Item = Bytes> {
    stream::unfold(follower, |mut follower| async move {
        match timeout(KEEP_ALIVE, follower.next()).await {
            Ok(Ok(chunk)) => {
                let chunk = chunk?;
                let bytes = Arc::clone(chunk.sent.get_or_init(|| event(&chunk.piece)));
                Some((Bytes::from_owner(bytes), follower))
            }
            Ok(Err(error)) => {
                tracing::warn!("a stream of a log was closed: {error}");
                None
            }
            Err(_) => Some((Bytes::from_static(b":\n\n"), follower)),
        }
    })
}

/// A piece as an event of the stream. The empty piece at the end of the log is the event `end`.
fn event(piece: &Piece) -> Arc<[u8]> {
    let is_end = piece.end && piece.chunk.text.is_empty() && piece.chunk.skipped == 0;
    let name = if is_end { format!("event: {END_EVENT}\n") } else { String::new() };
    let data = serde_json::to_string(&LogChunk { end: is_end, ..chunk(piece) }).unwrap_or_default();
    format!("{name}id: {}\ndata: {data}\n\n", piece.chunk.next_offset).into_bytes().into()
}

async fn raw(
    log: WorkerLog,
    pod_name: &str,
    (offset, limit): (i64, Option<u32>),
    app: &App,
    caller: Caller,
) -> Result<Response, Failure> {
    let file_name = format!("inline; filename=\"{pod_name}-attempt-{}.log\"", log.attempt);
    let whole = log.whole(offset, limit).await?;
    let pieces = stream::unfold(whole, |mut whole| async move {
        let piece = whole.next().await.transpose()?;
        Some((piece.map(with_mark).map_err(io::Error::other), whole))
    });
    // The bytes have no room for a last event. The error cuts the connection, so that the caller does not take a part for
    // the whole.
    let pieces = event_stream::until_closed(pieces, app, caller, |data| Err(io::Error::other(data)));
    let head = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, file_name)];
    Ok((head, Body::from_stream(pieces)).into_response())
}
