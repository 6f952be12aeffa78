//! What a refused call left unread of its body. Whoever still sends when the connection closes sees a broken pipe
//! instead of the answer, so the rest is taken in and dropped first, within bounds.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

/// The most bytes that are taken in for nothing.
const MOST: usize = 64 * 1024 * 1024;
/// Who sends nothing for so long waits for the answer.
const SILENCE: Duration = Duration::from_secs(1);
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a call when its body has been heard out.
pub(super) async fn hear_out(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Who asks before sending is still waiting for the word.
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let answer = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    if !waits && !body.is_end_stream() {
        let _ = timeout(PATIENCE, drop_rest(body)).await;
    }
    answer
}

async fn drop_rest(mut body: Shared) {
    let mut dropped = 0;
    while dropped < MOST {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match timeout(SILENCE, frame).await {
            Ok(Some(Ok(frame))) => dropped += frame.data_ref().map_or(0, Bytes::len),
            Ok(None | Some(Err(_))) | Err(_) => return,
        }
    }
}

/// A body that the handler reads first and this file after it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}
