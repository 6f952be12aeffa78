//! Success responses of handlers: data in the published envelope, and the `Location` of a created object.
//!
//! Failure responses are in `failure_response`.

use axum::{
    Json,
    http::header::LOCATION,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use trainyard_api::{Empty, Envelope};

use crate::failure::Failure;

/// What a handler returns: a success with the data of its envelope, or a failure.
pub(super) type Answer<T> = Result<Success<T>, Failure>;

/// A response with status 200.
#[derive(Debug)]
pub(super) struct Success<T> {
    data: T,
    location: Option<String>,
}

/// Answers with data.
pub(super) fn ok<T>(data: T) -> Answer<T> {
    Ok(Success { data, location: None })
}

/// Answers with the empty object, for a call that only changes something.
pub(super) fn done() -> Answer<Empty> {
    ok(Empty {})
}

/// Answers with data and, if an object was created, the path of its detail.
pub(super) fn created<T>(location: impl Into<Option<String>>, data: T) -> Answer<T> {
    Ok(Success { data, location: location.into() })
}

impl<T: Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        let location = self.location.map(|path| [(LOCATION, path)]);
        (location, Json(Envelope::ok(self.data))).into_response()
    }
}
