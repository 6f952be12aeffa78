//! What a refused call left unread of its body. Whoever still sends when the connection closes sees a broken pipe
//! instead of the answer, so the rest is taken in and dropped first, within bounds.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
    http::header::EXPECT,
    middleware::Next,
    response::Response,
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

/// The most bytes that are taken in for nothing.
const MOST: usize = 64 * 1024 * 1024;
/// Who sends nothing for so long waits for the answer.
const SILENCE: Duration = Duration::from_secs(1);
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a call when its body has been heard out.
pub(super) async fn hear_out(request: Request, next: Next) -> Response {
    // Who asks before sending is still waiting for the word.
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body.into_data_stream())));
    let answer = next.run(Request::from_parts(parts, Body::from_stream(body.clone()))).await;
    if !waits {
        let _ = timeout(PATIENCE, drop_rest(body)).await;
    }
    answer
}

async fn drop_rest(mut body: Shared) {
    let mut dropped = 0;
    while dropped < MOST {
        match timeout(SILENCE, body.next()).await {
            Ok(Some(Ok(bytes))) => dropped += bytes.len(),
            Ok(None | Some(Err(_))) | Err(_) => return,
        }
    }
}

/// A body that the handler reads first and this file after it.
#[derive(Clone)]
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(context)
    }
}
