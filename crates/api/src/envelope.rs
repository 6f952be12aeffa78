//! The envelope of every JSON response, and the data of failures.
//!
//! The HTTP status always equals `status`. `data` of 401, 403 and 500 is `{}`.

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AdditionalProperties, ObjectBuilder, Schema},
    },
};

/// The envelope of every JSON response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envelope<T> {
    /// Status of the call, equal to the HTTP status; 200 is success.
    #[schema(example = 200)]
    pub status: u16,
    /// `OK`, or the phrase of the status followed by a sentence that says what to do.
    #[schema(example = "OK")]
    pub message: String,
    /// Result of the call; `{}` if it has none.
    pub data: T,
}

impl<T> Envelope<T> {
    /// The envelope of a successful response.
    pub fn ok(data: T) -> Self {
        Self { status: 200, message: "OK".to_owned(), data }
    }
}

/// No data: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

impl PartialSchema for Empty {
    fn schema() -> RefOr<Schema> {
        let nothing = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        nothing.description(Some("No data: `{}`.")).into()
    }
}

impl ToSchema for Empty {}

/// The response of a failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Status of the call, equal to the HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// The phrase of the status, then `: ` and a sentence that says what to do.
    #[schema(
        example = "Not Found: no template tpl_6f1a62c0a5bf4e0c9b2f is visible to your API key; list the templates to see those that are"
    )]
    pub message: String,
    /// Details for programs; `{}` with 401, 403 and 500.
    pub data: FailureData,
}

/// Details of a failure for programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureData {
    /// Kind of failure, from a fixed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<Code>,
    /// With 400: all faults of the body or the query, not only the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// With `name_taken`: id of the object that has the name, if the caller may see it. With `storage_in_use`: id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// With `stale_revision`: the current revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revision: Option<u64>,
}

impl FailureData {
    /// Data with a code and nothing else.
    pub fn of(code: Code) -> Self {
        Self { code: Some(code), ..Self::default() }
    }
}

/// One fault of a body or a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldFault {
    /// Path of the field: `resource.gpuCount`, `storageConfigs[0].mountPath`, `env["a.b"]`; empty for the whole body.
    #[schema(example = "resource.gpuCount")]
    pub field: String,
    /// Kind of fault: `required`, `unknown_field`, `wrong_type`, `out_of_range`, `malformed`, `not_a_choice`, `duplicate`,
    /// `reserved`, `locked`, `unknown`, `never_fits`, `not_supported` or `suspicious`. Later versions may have more.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// The rule that the value breaks, and what to write instead.
    #[schema(example = "must be 0 or more")]
    pub message: String,
}

/// Kind of failure. 401, 403 and 500 have no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the body is not JSON, or nests too deeply.
    BadJson,
    /// 400: the body has faults; `errors` lists all of them.
    BadBody,
    /// 400: the query has faults; `errors` lists all of them.
    BadQuery,
    /// 400: a header (`If-Match`, `Idempotency-Key`, …) cannot be read.
    BadHeader,
    /// 400: the job can never run; `errors` names the fields.
    CannotRun,
    /// 404: the path does not exist, or the caller can see no object with this id.
    NotFound,
    /// 404: the logs of the job have been deleted after the retention time; the job is still listed.
    LogsRemoved,
    /// 405: the path exists with another method; the `Allow` header names it.
    MethodNotAllowed,
    /// 409: another object has the name; `id` is its id.
    NameTaken,
    /// 409: the job has not ended; stop it first.
    NotEnded,
    /// 409: the job has already ended, or is stopping.
    AlreadyEnded,
    /// 409: the files of the job have been deleted after the retention time.
    FilesRemoved,
    /// 409: an earlier call had the same `Idempotency-Key` and another body.
    IdempotencyConflict,
    /// 409: the last admin key cannot be revoked.
    LastAdminKey,
    /// 409: the centre has another storage with this id.
    StorageExists,
    /// 409: the storage is defined in the configuration file; remove it there.
    StorageConfigured,
    /// 409: a job that has not ended uses the storage; `id` is the id of the job.
    StorageInUse,
    /// 409: a secret with this name and scope has another value; `replace` replaces it.
    SecretExists,
    /// 409: the project has as many secrets as it may have.
    TooManySecrets,
    /// 412: the object has changed since it was read; `revision` is the current one.
    StaleRevision,
    /// 413: the body is larger than 256 KiB.
    BodyTooLarge,
    /// 415: the body is not declared as `application/json`.
    UnsupportedMediaType,
    /// 428: the call requires `If-Match` with the revision that was read.
    RevisionRequired,
    /// 429: too many calls; `Retry-After` says when to retry.
    RateLimited,
    /// 503: the server cannot answer now; retry.
    Unavailable,
    /// 507: the disk is full.
    DiskFull,
}

impl Code {
    /// All codes, in the order of their status.
    pub const ALL: [Self; 26] = [
        Self::BadJson,
        Self::BadBody,
        Self::BadQuery,
        Self::BadHeader,
        Self::CannotRun,
        Self::NotFound,
        Self::LogsRemoved,
        Self::MethodNotAllowed,
        Self::NameTaken,
        Self::NotEnded,
        Self::AlreadyEnded,
        Self::FilesRemoved,
        Self::IdempotencyConflict,
        Self::LastAdminKey,
        Self::StorageExists,
        Self::StorageConfigured,
        Self::StorageInUse,
        Self::SecretExists,
        Self::TooManySecrets,
        Self::StaleRevision,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RevisionRequired,
        Self::RateLimited,
        Self::Unavailable,
        Self::DiskFull,
    ];

    /// The HTTP status of failures with this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadJson | Self::BadBody | Self::BadQuery | Self::BadHeader | Self::CannotRun => 400,
            Self::NotFound | Self::LogsRemoved => 404,
            Self::MethodNotAllowed => 405,
            Self::NameTaken
            | Self::NotEnded
            | Self::AlreadyEnded
            | Self::FilesRemoved
            | Self::IdempotencyConflict
            | Self::LastAdminKey
            | Self::StorageExists
            | Self::StorageConfigured
            | Self::StorageInUse
            | Self::SecretExists
            | Self::TooManySecrets => 409,
            Self::StaleRevision => 412,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RevisionRequired => 428,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::DiskFull => 507,
        }
    }
}
