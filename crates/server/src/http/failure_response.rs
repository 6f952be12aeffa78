//! Responses for failures: one match from a [`Failure`] to status, message and data.

#[cfg(test)]
mod tests;

use std::any::Any;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{self, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use trainyard_api::{Code, FailureData, FieldFault, failures::phrase};
use trainyard_domain::fault::Fault;

use crate::failure::{Failure, shortened};

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let message = self.to_string();
        match self {
            Self::BadBody(faults) => with_faults(Code::BadBody, &faults),
            Self::BadQuery(faults) => with_faults(Code::BadQuery, &faults),
            Self::CannotRun(faults) => with_faults(Code::CannotRun, &faults),
            Self::BadHeader(_) => response(Code::BadHeader, message),
            Self::BadJson(_) => response(Code::BadJson, message),
            Self::NotJson => response(Code::UnsupportedMediaType, message),
            Self::TooLarge => response(Code::BodyTooLarge, message),
            Self::Unauthorized(_) => unauthorized(&message),
            // The contract publishes exactly this message without data.
            Self::Forbidden => plain(403, phrase(403).to_owned()),
            Self::NotFound { .. } => response(Code::NotFound, message),
            Self::LogsRemoved => response(Code::LogsRemoved, message),
            Self::NameTaken { id, .. } => {
                let data = FailureData { id, ..FailureData::of(Code::NameTaken) };
                with_data(Code::NameTaken, &message, &data)
            }
            Self::RevisionRequired => response(Code::RevisionRequired, message),
            Self::Stale { revision } => {
                let revision = u64::try_from(revision).ok();
                let data = FailureData { revision, ..FailureData::of(Code::StaleRevision) };
                with_data(Code::StaleRevision, &message, &data)
            }
            Self::NotEnded => response(Code::NotEnded, message),
            Self::AlreadyEnded => response(Code::AlreadyEnded, message),
            Self::FilesRemoved { .. } => response(Code::FilesRemoved, message),
            Self::IdempotencyConflict => response(Code::IdempotencyConflict, message),
            Self::LastAdminKey => response(Code::LastAdminKey, message),
            Self::StorageExists(_) => response(Code::StorageExists, message),
            Self::StorageConfigured => response(Code::StorageConfigured, message),
            Self::StorageInUse(job) => {
                let data = FailureData { id: Some(job.to_string()), ..FailureData::of(Code::StorageInUse) };
                with_data(Code::StorageInUse, &message, &data)
            }
            Self::SecretExists(_) => response(Code::SecretExists, message),
            Self::TooManySecrets { .. } => response(Code::TooManySecrets, message),
            Self::TooMany(_) => rate_limited(&message),
            Self::Unavailable(_) => response(Code::Unavailable, message),
            Self::DiskFull => response(Code::DiskFull, message),
            Self::Internal(_) => {
                tracing::error!("a call failed: {message}");
                plain(500, phrase(500).to_owned())
            }
        }
    }
}

/// A failure response with a code and a message, without further data.
pub(super) fn response(code: Code, message: impl AsRef<str>) -> Response {
    with_data(code, message.as_ref(), &FailureData::of(code))
}

/// The envelope of a failure without data, as text, for the last event of a stream.
pub(super) fn text(failure: &Failure) -> String {
    let status = match failure {
        Failure::Unauthorized(_) => 401,
        Failure::Forbidden => 403,
        _ => 500,
    };
    let message = if status == 401 { format!("{}: {failure}", phrase(status)) } else { phrase(status).to_owned() };
    json!({"status": status, "message": message, "data": {}}).to_string()
}

/// The response after a panic in a handler: the published 500. The log has the panic's text.
pub(super) fn panic_response(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!("a call panicked: {}", text.unwrap_or("without a message"));
    plain(500, phrase(500).to_owned())
}

fn with_faults(code: Code, faults: &[Fault]) -> Response {
    let message = match faults {
        [fault] if fault.path.is_empty() => fault.message.clone(),
        [fault] => format!("{}: {}", shortened(&fault.path), fault.message),
        [first, ..] => {
            let (count, first) = (faults.len(), format!("{}: {}", shortened(&first.path), first.message));
            format!("{count} faults, all listed in data.errors; the first: {first}")
        }
        [] => "the request has a fault".to_owned(),
    };
    let errors = faults.iter().map(|fault| FieldFault {
        field: fault.path.clone(),
        code: fault.code.as_str().to_owned(),
        message: fault.message.clone(),
    });
    with_data(code, &message, &FailureData { errors: errors.collect(), ..FailureData::of(code) })
}

fn with_data(code: Code, message: &str, data: &FailureData) -> Response {
    let status = code.status();
    let data = serde_json::to_value(data).unwrap_or_else(|_| json!({}));
    envelope(status, format!("{}: {message}", phrase(status)), data)
}

/// After how many seconds a caller may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

fn rate_limited(message: &str) -> Response {
    let mut response = response(Code::RateLimited, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

fn unauthorized(message: &str) -> Response {
    let mut response = plain(401, format!("{}: {message}", phrase(401)));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn plain(status: u16, message: String) -> Response {
    envelope(status, message, json!({}))
}

fn envelope(status: u16, message: String, data: Value) -> Response {
    let body = Json(json!({"status": status, "message": message, "data": data}));
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
}
