//! Values that a call holds until its response is sent completely or its connection is lost, such as permits.

use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};

/// The values that one call holds. The request has it as an extension; the body of the response keeps it to the end.
#[derive(Clone, Default)]
pub(crate) struct Guards(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Guards {
    /// Holds a value until the call ends.
    pub(crate) fn hold(&self, value: impl Any + Send) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(value));
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards").finish_non_exhaustive()
    }
}

/// The body of a response together with what its call holds.
pub(super) struct GuardedBody {
    body: Body,
    _guards: Guards,
}

impl GuardedBody {
    pub(super) fn new(body: Body, guards: Guards) -> Self {
        Self { body, _guards: guards }
    }
}

impl HttpBody for GuardedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
