//! The log of a worker: a piece by offset, followed, or the raw file.

pub(super) mod search;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::timeout;
use trainyard_api::{
    Envelope,
    failures::ReadFailures,
    log::{END_EVENT, LogChunk, LogQuery, LogTime, cut_line},
    paths,
};

use super::{
    answer::ok,
    event_stream,
    extract::{Call, NoBody, QueryParams, accepts},
    path::WorkerPath,
};
use crate::{
    App,
    failure::Failure,
    jobs::{Follower, LineTime, LogRequest, Part, Piece, WorkerLog, worker_log},
};

const DEFAULT_LIMIT: u32 = 64 * 1024;
const MAX_LIMIT: i64 = 1024 * 1024;
/// How often a stream without news says that it lives, so that proxies keep it open.
const ALIVE: Duration = Duration::from_secs(15);

/// Read a worker's log
///
/// A piece from `offset` on; a negative offset counts from the end. Offsets count the bytes that were written and never
/// change; of a log beyond its cap head and tail are kept, and a read between them begins with the tail and says in
/// `skipped` how many bytes are gone. With `Accept: text/event-stream` it follows: each event carries a piece as JSON,
/// its id is the offset to go on from, so a reader resumes with `Last-Event-ID` or `offset`; an event named `end` closes
/// the log. With `Accept: text/plain` the raw bytes are answered, from `offset` to where the log ends now, or at most
/// `limit` of them; a line says where some were cut away.
#[utoipa::path(
    get, path = paths::POD_LOG, operation_id = "readLog", tag = "jobs",
    params(WorkerPath, LogQuery),
    responses((status = 200, description = "A piece, a stream or the file.", content((Envelope<LogChunk> = "application/json"), (String = "text/event-stream"), (String = "text/plain"))), ReadFailures)
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
    let wanted = LogRequest { offset, limit: asked.unwrap_or(DEFAULT_LIMIT) as usize, times };
    let log = worker_log(&app, &actor, &path.id, &path.pod_name, attempt).await?;
    if accepts(&headers, "text/event-stream") {
        let offset = event_stream::resume(&headers).unwrap_or(offset);
        let follower = Follower::new(&app, log, LogRequest { offset, ..wanted });
        return Ok(followed(follower, &app));
    }
    if accepts(&headers, "text/plain") {
        return raw(&app, log, &path.pod_name, offset, asked).await;
    }
    Ok(ok(chunk(&log.read(&app, wanted).await?)).into_response())
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

fn time(told: &LineTime) -> LogTime {
    LogTime { line: told.line, offset: told.offset, time_ms: told.time_ms }
}

/// People must see where something is missing.
fn marked(part: Part) -> Bytes {
    match part.skipped {
        0 => part.bytes.into(),
        skipped => [format!("\n{}\n", cut_line(skipped)).into_bytes(), part.bytes].concat().into(),
    }
}

/// A stream of events that many may share, so its bytes are made here.
fn followed(follower: Follower, app: &App) -> Response {
    let stop = app.stop.clone().cancelled_owned();
    let events = events(follower).take_until(stop).map(Ok::<_, Infallible>);
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (head, Body::from_stream(events)).into_response()
}

fn events(follower: Follower) -> impl Stream<Item = Bytes> {
    stream::unfold(follower, |mut follower| async move {
        match timeout(ALIVE, follower.next()).await {
            Ok(Ok(news)) => {
                let news = news?;
                let bytes = Arc::clone(news.sent.get_or_init(|| event(&news.piece)));
                Some((Bytes::from_owner(bytes), follower))
            }
            Ok(Err(error)) => {
                tracing::warn!("a follower of a log was let go: {error}");
                None
            }
            Err(_) => Some((Bytes::from_static(b":\n\n"), follower)),
        }
    })
}

/// A piece as an event; one that says nothing more is the end.
fn event(piece: &Piece) -> Arc<[u8]> {
    let is_end = piece.end && piece.chunk.text.is_empty() && piece.chunk.skipped == 0;
    let name = if is_end { format!("event: {END_EVENT}\n") } else { String::new() };
    let data = serde_json::to_string(&LogChunk { end: is_end, ..chunk(piece) }).unwrap_or_default();
    format!("{name}id: {}\ndata: {data}\n\n", piece.chunk.next_offset).into_bytes().into()
}

async fn raw(app: &App, log: WorkerLog, pod_name: &str, offset: i64, limit: Option<u32>) -> Result<Response, Failure> {
    let file_name = format!("inline; filename=\"{pod_name}-attempt-{}.log\"", log.attempt);
    let whole = log.whole(app, offset, limit).await?;
    let pieces = stream::unfold(whole, |mut whole| async move {
        let piece = whole.next().await.transpose()?;
        Some((piece.map(marked), whole))
    });
    let head = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, file_name)];
    Ok((head, Body::from_stream(pieces)).into_response())
}
