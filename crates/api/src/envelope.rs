//! The envelope around every JSON answer, and what a failure carries in it.
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

/// What every JSON answer looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Envelope<T> {
    /// The status of the call, equal to the HTTP status; 200 is success.
    #[schema(example = 200)]
    pub status: u16,
    /// `OK`, or the status's phrase followed by a sentence that says what to do.
    #[schema(example = "OK")]
    pub message: String,
    /// What the call answers; `{}` where there is nothing to say.
    pub data: T,
}

impl<T> Envelope<T> {
    /// A successful answer.
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

/// What every failed call answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The status of the call, equal to the HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// The status's phrase, then `: ` and a sentence that says what to do.
    #[schema(
        example = "Not Found: no template tpl_6f1a62c0a5bf4e0c9b2f is visible to this key; the list of templates shows all that are"
    )]
    pub message: String,
    /// What a program can act on; `{}` with 401, 403 and 500.
    pub data: FailureData,
}

/// The part of a failure that programs read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureData {
    /// Which failure it is, from a fixed list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<Code>,
    /// With 400: every fault of the body or the query, not only the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// With `name_taken`: the id of what holds the name, if the caller may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<String>,
    /// With `stale_revision`: the revision that is current now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revision: Option<u64>,
}

impl FailureData {
    /// Data that says only which failure it is.
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
    /// Which fault it is, as one word in snake case.
    #[schema(example = "out_of_range")]
    pub code: String,
    /// What is wrong with it and what would be right.
    #[schema(example = "must be 0 or more")]
    pub message: String,
}

/// Which failure it is. 401, 403 and 500 carry no code.
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
    /// 400: no centre could ever run this job; `errors` names the parts.
    CannotRun,
    /// 404: no such path, or nothing with this id that the caller may see.
    NotFound,
    /// 404: the job ended longer ago than the server keeps logs; its row is still there.
    LogsRemoved,
    /// 405: the path exists, with another method; the `Allow` header names it.
    MethodNotAllowed,
    /// 409: the name is in use for something else; `id` says for what.
    NameTaken,
    /// 409: the job has not ended; stop it first.
    NotEnded,
    /// 409: the job has ended already, or is being stopped.
    AlreadyEnded,
    /// 409: the job ended long ago and its files are gone.
    FilesRemoved,
    /// 409: the same `Idempotency-Key` came with another body.
    IdempotencyConflict,
    /// 409: the last admin key cannot be revoked.
    LastAdminKey,
    /// 409: the centre has another storage of this id.
    StorageExists,
    /// 409: the storage stands in the configuration file; remove it there.
    StorageConfigured,
    /// 409: a job that has not ended uses the storage; `id` says which.
    StorageInUse,
    /// 412: somebody changed it since it was read; `revision` is the current one.
    StaleRevision,
    /// 413: the body is larger than 256 KiB.
    BodyTooLarge,
    /// 415: the body is not declared as `application/json`.
    UnsupportedMediaType,
    /// 428: the call needs `If-Match` with the revision that was read.
    RevisionRequired,
    /// 429: too many calls; `Retry-After` says when to come back.
    RateLimited,
    /// 503: the server cannot answer at the moment; try again.
    Unavailable,
    /// 507: the disk is full.
    DiskFull,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 24] = [
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
        Self::StaleRevision,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RevisionRequired,
        Self::RateLimited,
        Self::Unavailable,
        Self::DiskFull,
    ];

    /// The HTTP status that goes with it.
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
            | Self::StorageInUse => 409,
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
