//! What no client should send, and some do: each is answered in the envelope, with a status of the caller's own, and
//! the connection stays as it was.

mod bodies;
mod requests;

use reqwest::{Method, RequestBuilder};

use crate::harness::Host;

/// The calls that take a body, by method and path. What they name need not exist: the body is looked at all the same.
const WITH_BODY: [(Method, &str); 4] = [
    (Method::POST, "/v1/training/template/create"),
    (Method::POST, "/v1/training/instance/create"),
    (Method::POST, "/v1/api-key/create"),
    (Method::PUT, "/v1/training/instance/job_00000000000000000000/timeout"),
];

const CREATE: &str = WITH_BODY[0].1;

/// A request whose body says that it is JSON.
fn json(host: &Host, method: &Method, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = host.request(method.clone(), path, &host.admin);
    request.header("content-type", "application/json").body(body)
}

/// A body in pieces, whose length nobody says beforehand.
fn chunked(length: usize) -> reqwest::Body {
    let pieces = std::iter::repeat_n(64 * 1024, length / (64 * 1024)).chain([length % (64 * 1024)]);
    let pieces = pieces.map(|length| Ok::<_, std::io::Error>(vec![b'x'; length]));
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}
