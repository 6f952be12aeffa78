//! The extractors of handlers: the caller, the path, the query, the body, and some headers.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query as AxumQuery, Request, rejection::BytesRejection},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use trainyard_domain::{
    fault::{Fault, FaultCode},
    json,
};
use trainyard_store::PageRequest;

use super::{BODY_LIMIT, query::Query};
use crate::{App, accounts::Origin, caller::Caller, connections::CallInProgress, failure::Failure};

/// The server's parts, the authenticated caller and the path parameters.
///
/// It is the first argument of a handler, so that the server reads nothing else from a caller that it does not know.
#[derive(Debug)]
pub(super) struct Call<P = ()> {
    pub(super) app: App,
    pub(super) actor: Caller,
    pub(super) path: P,
}

impl<P: DeserializeOwned + Send> FromRequestParts<App> for Call<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let actor = caller(parts, app).await?;
        if let Some(call) = parts.extensions.get::<CallInProgress>() {
            call.protect();
        }
        let path = Path::<P>::from_request_parts(parts, app).await;
        let Path(path) = path.map_err(|_| Failure::not_found("path", parts.uri.path()))?;
        Ok(Self { app: app.clone(), actor, path })
    }
}

/// The caller, by the bearer key of the `Authorization` header; without that header by the account of its process, if it
/// came over a Unix socket. Two such headers are refused as ambiguous.
async fn caller(parts: &Parts, app: &App) -> Result<Caller, Failure> {
    const EXPECTED: Failure = Failure::Unauthorized(Cow::Borrowed("send Authorization: Bearer <API key>"));
    let origin = parts.extensions.get::<Origin>().cloned();
    let Some(header) = single_value(&parts.headers, header::AUTHORIZATION.as_str()) else {
        return Caller::by_account(app, origin).await?.ok_or(EXPECTED);
    };
    let (scheme, key) = header.split_once(' ').ok_or(EXPECTED)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(EXPECTED);
    }
    Caller::by_key(app, key.trim(), origin).await
}

/// The parameters of the query, not yet checked: only the handler knows the allowed names.
#[derive(Debug)]
pub(super) struct QueryParams(Vec<(String, String)>);

impl QueryParams {
    /// Starts to read the parameters. A parameter that is not in `known` is a fault.
    pub(super) fn read(self, known: &[&str]) -> Query {
        Query::read(self.0, known)
    }

    /// The page, for a call that takes no parameters but `pageNo` and `pageSize`.
    pub(super) fn only_page(self) -> Result<PageRequest, Failure> {
        let mut query = self.read(&["pageNo", "pageSize"]);
        let page = query.page();
        query.finish(page)
    }

    /// The id of a centre, for a call that takes no parameter but `aidcId`; `None` means all centres.
    pub(super) fn only_centre(self) -> Result<Option<i64>, Failure> {
        let mut query = self.read(&["aidcId"]);
        let centre = query.centre();
        query.finish(centre)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let pairs = AxumQuery::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        pairs.map(|AxumQuery(pairs)| Self(pairs)).map_err(|error| {
            let message = format!("the query cannot be read: {error}");
            Failure::BadQuery(vec![Fault { path: String::new(), code: FaultCode::Malformed, message }])
        })
    }
}

/// A query without parameters; the rejection names every parameter that was sent.
#[derive(Debug)]
pub(super) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        QueryParams::from_request_parts(parts, state).await?.read(&[]).finish(Self)
    }
}

/// A JSON body of any shape; the handler or the use case finds its faults.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Value);

impl FromRequest<App> for JsonBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Failure::NotJson);
        }
        let bytes = bytes(request, app).await?;
        json::read(&bytes).map(Self).map_err(|why| Failure::BadJson(format!("the body {why}")))
    }
}

/// An empty body, `{}` or `null`, with any content type; the rejection asks to send no body.
#[derive(Debug)]
pub(super) struct NoBody;

impl FromRequest<App> for NoBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let unexpected = || Failure::BadJson("this call takes no body; send none".to_owned());
        let bytes = match bytes(request, app).await {
            Err(Failure::TooLarge) => return Err(unexpected()),
            other => other?,
        };
        let is_empty = match json::read(&bytes) {
            Ok(Value::Null) => true,
            Ok(Value::Object(members)) => members.is_empty(),
            Ok(_) => false,
            Err(_) => bytes.trim_ascii().is_empty(),
        };
        is_empty.then_some(Self).ok_or_else(unexpected)
    }
}

async fn bytes(request: Request, app: &App) -> Result<Bytes, Failure> {
    // A body with too large an announced length is refused before the client sends it.
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > BODY_LIMIT as u64) {
        return Err(Failure::TooLarge);
    }
    Bytes::from_request(request, app).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(error) if error.status() == 413 => Failure::TooLarge,
        other => Failure::BadJson(format!("the body did not arrive completely: {other}")),
    })
}

/// Whether the content type is `application/json`, with or without parameters such as `charset`.
fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The revision in `If-Match`; `None` without the header.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Failure> {
    let Some(text) = single_value(headers, header::IF_MATCH.as_str()) else {
        return Ok(None);
    };
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let revision = digits.parse::<i64>().ok().filter(|number| is_number && *number > 0);
    revision.map(Some).ok_or_else(|| {
        Failure::BadHeader("If-Match must be the revision that you read, such as If-Match: \"3\"".to_owned())
    })
}

/// The key in `Idempotency-Key`; `None` without the header.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(text) = single_value(headers, "idempotency-key") else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > 255 {
        return Err(Failure::BadHeader("Idempotency-Key must have 1 to 255 visible characters".to_owned()));
    }
    Ok(Some(text.to_owned()))
}

/// The text of a header that may occur once; empty if the header occurs twice or is not text.
fn single_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    match values.next() {
        None => Some(first.to_str().unwrap_or_default().trim()),
        Some(_) => Some(""),
    }
}

/// Whether the caller asks for this content type instead of JSON.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept
        .flat_map(|text| text.split(','))
        .any(|part| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind))
}
