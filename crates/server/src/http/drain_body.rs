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
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Who sends nothing for so long waits for the answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long all of it may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers a call when its body has been heard out.
pub(super) async fn drain_after(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Who asks before sending is still waiting for the word.
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let body = SharedBody(Arc::new(Mutex::new(body)));
    let answer = next.run(Request::from_parts(parts, Body::new(body.clone()))).await;
    if !waits && !body.is_end_stream() {
        let _ = timeout(DRAIN_TIMEOUT, drop_rest(body)).await;
    }
    answer
}

async fn drop_rest(mut body: SharedBody) {
    let mut dropped = 0;
    while dropped < MAX_DRAINED_BYTES {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        match timeout(IDLE_TIMEOUT, frame).await {
            Ok(Some(Ok(frame))) => dropped += frame.data_ref().map_or(0, Bytes::len),
            Ok(None | Some(Err(_))) | Err(_) => return,
        }
    }
}

/// A body that the handler reads first and this file after it.
#[derive(Clone)]
struct SharedBody(Arc<Mutex<Body>>);

impl SharedBody {
    fn body(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for SharedBody {
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
