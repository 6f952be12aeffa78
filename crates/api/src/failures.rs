//! The documented failures of operations, as types for `responses(...)` of utoipa.
//!
//! An operation names one set (`ReadFailures`, …), and `Fails<STATUS>` for each further status that only it returns. A set
//! has only those statuses that every operation of its kind can return. Other failures, such as a full disk, are its
//! `default`. All refer to the schema `Failure`, which the document has once: `components(schemas(Failure))`.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder},
};

use crate::envelope::Failure;

/// One failure that only some operations document: `responses(…, ReadFailures, Fails<409>)`.
#[derive(Clone, Copy, Debug)]
pub struct Fails<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Fails<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[STATUS])
    }
}

/// Declares a set of failures that all operations of a kind share.
macro_rules! set {
    ($(#[$doc:meta])+ $name:ident = $($status:literal)+) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let mut all = documented(&[$($status),+]);
                all.extend(others());
                all
            }
        }
    };
}

set! {
    /// Failures of a list.
    ListFailures = 400 401 500 503
}
set! {
    /// Failures of reading one object by its id.
    ReadFailures = 400 401 404 500 503
}
set! {
    /// Failures of creating an object from a body.
    CreateFailures = 400 401 403 413 415 500 503
}
set! {
    /// Failures of replacing an object that has a revision.
    UpdateFailures = 400 401 403 404 409 412 413 415 428 500 503
}
set! {
    /// Failures of an action on one object by its id, with a body.
    ChangeFailures = 400 401 403 404 413 415 500 503
}
set! {
    /// Failures of an action on one object by its id, without a body, such as delete or stop.
    ActionFailures = 400 401 403 404 500 503
}

/// The phrase of a status, with which the message of a failure begins.
pub const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        _ => "Failed",
    }
}

/// The meaning of a status, for the documentation.
const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The body, the query or a header has faults; `data.errors` lists all of them.",
        401 => "The key is missing, malformed, unknown, expired or revoked.",
        403 => "The key does not have the right to do this.",
        404 => "The object does not exist, or the caller may not see it.",
        409 => "The present state does not allow the call; `data.code` says why.",
        412 => "The object has changed since it was read; `data.revision` is the current one.",
        413 => "The body is larger than 256 KiB.",
        415 => "The body is not declared as `application/json`.",
        428 => "The call requires `If-Match` with the revision that was read.",
        500 => "The server failed; its log has the details.",
        503 => "The server cannot answer now; retry.",
        _ => "The call failed.",
    }
}

/// Responses for these statuses, each with the meaning of its status.
fn documented(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let responses = statuses.iter().fold(ResponsesBuilder::new(), |responses, status| {
        responses.response(status.to_string(), failure(meaning(*status)))
    });
    responses.build().into()
}

/// The response for all other statuses, with the same schema.
fn others() -> BTreeMap<String, RefOr<Response>> {
    const ANY: &str = "Any other failure, such as 429 for a caller with too much in progress, or 507 while the disk of the server is full.";
    ResponsesBuilder::new().response("default", failure(ANY)).build().into()
}

fn failure(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Failure::name()))).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
