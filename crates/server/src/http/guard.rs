//! What protects callers in front of and behind the server: the check of `Host`, and headers for browsers.
//!
//! Without a clear `Host`, a proxy and the server could see two different requests in one. The headers keep answers out of
//! caches and frames, and forbid a browser to run anything of them; the page at `/docs` may run its own scripts alone.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Version,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};
use trainyard_api::{Code, paths};

use super::failure_response;

/// The policy of answers: nothing in them is a page.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The policy of the documentation. Its page sets styles of single elements and has images in its style sheets.
const DOCS_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Answers a call with a clear `Host`, and adds the headers to every answer.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let is_docs = request.uri().path().starts_with(paths::DOCS);
    let mut response = match check_host(request.version(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => failure_response::response(Code::BadHeader, why),
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, if is_docs { DOCS_PAGE } else { NO_PAGE });
    if !is_docs {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// HTTP/1.1 needs one `Host`, which is a host with or without a port; HTTP/1.0 had none.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut all = headers.get_all(HOST).iter();
    let is_host = |value: &HeaderValue| {
        let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
        authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
    };
    match (all.next(), all.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err("a request needs the header Host"),
        (Some(_), Some(_)) => Err("a request may have only one header Host"),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err("the header Host must be a host, with or without a port"),
    }
}
