//! Invalid requests: each gets a 4xx answer in the envelope, and the connection stays usable.

mod bodies;
mod headers;
mod requests;

use reqwest::{Method, RequestBuilder};

use crate::harness::Host;

/// The calls that take a body, by method and path. Their targets need not exist: the server checks the body anyway.
const WITH_BODY: [(Method, &str); 4] = [
    (Method::POST, "/v1/training/template/create"),
    (Method::POST, "/v1/training/instance/create"),
    (Method::POST, "/v1/api-key/create"),
    (Method::PUT, "/v1/training/instance/job_00000000000000000000/timeout"),
];

const CREATE: &str = WITH_BODY[0].1;

/// A request with the media type JSON and any body.
fn json(host: &Host, method: &Method, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = host.request(method.clone(), path, &host.admin);
    request.header("content-type", "application/json").body(body)
}

/// A chunked body, which announces no length.
fn chunked(length: usize) -> reqwest::Body {
    let pieces = std::iter::repeat_n(64 * 1024, length / (64 * 1024)).chain([length % (64 * 1024)]);
    let pieces = pieces.map(|length| Ok::<_, std::io::Error>(vec![b'x'; length]));
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}
