//! Reads and drops the rest of a body that a refused call left unread, within limits.
//!
//! Without this, a client that still sends when the connection closes sees a broken pipe instead of the response.

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

/// The maximum number of bytes that are read and dropped.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// A client that sends nothing for this long waits for the response.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// The time limit for the whole rest of a body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers a call after the rest of its body was read.
pub(super) async fn drain_after(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // A client that sent `Expect` may still wait for permission to send the body.
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

/// A body that first the handler and then `drain_rest` reads.
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
