//! The failures an operation documents, as types for `responses(...)`.
//!
//! One attribute per endpoint: a composed set (`ReadFailures`, …), and `Fails<STATUS>` for what only that operation can
//! answer besides. The sets hold only what every operation of their kind can really produce; what a full disk or a proxy
//! may answer in its stead is each set's `default`. All of them point at the schema `Failure`, which the document lists
//! once: `components(schemas(Failure))`.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder},
};

use crate::envelope::Failure;

/// One documented failure: `responses(…, ReadFailures, Fails<409>)`.
#[derive(Clone, Copy, Debug)]
pub struct Fails<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Fails<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[STATUS])
    }
}

/// Declares a set of failures that a kind of operation shares.
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
    /// Listing what the caller may see.
    ListFailures = 400 401 500 503
}
set! {
    /// Reading one thing by its id.
    ReadFailures = 400 401 404 500 503
}
set! {
    /// Making something from a body.
    CreateFailures = 400 401 403 413 415 500 503
}
set! {
    /// Replacing something that has a revision.
    UpdateFailures = 400 401 403 404 409 412 413 415 428 500 503
}
set! {
    /// Doing something to one thing by its id, with a body.
    ChangeFailures = 400 401 403 404 413 415 500 503
}
set! {
    /// Deleting, stopping and the like: one thing by its id, without a body.
    ActionFailures = 400 401 403 404 500 503
}

/// The phrase of a status, with which each failure's message begins.
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

/// What a status means, for the documentation.
const fn meaning(status: u16) -> &'static str {
    match status {
        400 => "The body, the query or a header has faults; `data.errors` lists all of them.",
        401 => "The key is missing, malformed, unknown, expired or revoked.",
        403 => "The key has not the right to do this.",
        404 => "There is no such thing that the caller may see.",
        409 => "It cannot be done in the present state; `data.code` says why.",
        412 => "Somebody changed it since it was read; `data.revision` is the current one.",
        413 => "The body is larger than 256 KiB.",
        415 => "The body is not declared as `application/json`.",
        428 => "The call needs `If-Match` with the revision that was read.",
        500 => "A fault of the server; its log says more.",
        503 => "The server cannot answer at the moment; try again.",
        _ => "The call failed.",
    }
}

/// A status that the call itself, or the state of the server, can bring about.
fn documented(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let responses = statuses.iter().fold(ResponsesBuilder::new(), |responses, status| {
        responses.response(status.to_string(), failure(meaning(*status)))
    });
    responses.build().into()
}

/// Whatever else may come, in the same form.
fn others() -> BTreeMap<String, RefOr<Response>> {
    const ANY: &str = "Any other failure, such as 507 while the disk of the server is full.";
    ResponsesBuilder::new().response("default", failure(ANY)).build().into()
}

fn failure(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Failure::name()))).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
