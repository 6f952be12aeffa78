//! The table of all fields that a template or a job's request may carry, each with its kind and bounds.
//!
//! Everything that lists fields or depends on their kind reads this table, or a test compares it with this table: the
//! checks of a body, the command line's `--set`, the published schemas.

use super::{
    ImageType, StorageType, TrainingType,
    kind::{Bounds, FieldKind, Member, TextRule},
};
use crate::{access::Visibility, framework::Framework, text::DESC_MAX_CHARS};

/// Whether a field is published; in an update, published fields left out are unset, our own keep their value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A field of the published page.
    Published,
    /// A field that Trainyard adds.
    Ours,
}

/// One top-level field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The published spelling.
    pub name: &'static str,
    /// The values that the field accepts.
    pub kind: FieldKind,
    /// Whether the published page has it.
    pub owner: Owner,
    /// Whether a change of the field creates a new version; name, description, labels and visibility do not.
    pub content: bool,
    /// Whether a job may carry the field.
    pub in_jobs: bool,
}

const fn published(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, owner: Owner::Published, content: true, in_jobs: true }
}

const fn ours(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, owner: Owner::Ours, content: true, in_jobs: true }
}

/// The bounds of `maxRetryCount` where retries are enabled.
pub(super) const RETRY_BOUNDS: Bounds = Bounds { min: 0, max: 100 };
/// The bounds of `timeoutHours` where a time limit is enabled: at most a year.
pub(super) const TIMEOUT_HOURS_BOUNDS: Bounds = Bounds { min: 1, max: 8760 };
/// The bounds of `timeoutSeconds`: at most a year, as in hours.
pub const TIMEOUT_SECONDS_BOUNDS: Bounds = Bounds { min: 1, max: TIMEOUT_HOURS_BOUNDS.max * 3600 };
/// The bounds of a wait in seconds, before a retry or before SIGKILL: at most a day.
pub const WAIT_SECONDS_BOUNDS: Bounds = Bounds { min: 0, max: 86_400 };

/// Every field but `name`, published ones first in the page's order.
pub const FIELDS: &[Field] = &[
    Field { content: false, ..published("desc", FieldKind::text(DESC_MAX_CHARS)) },
    published("aidcId", FieldKind::integer(Bounds { min: 1, max: Bounds::MAX_EXACT })),
    published("trainingType", FieldKind::Choice(TrainingType::WORDS)),
    published("trainingFramwork", FieldKind::Choice(Framework::WORDS)),
    published("imageType", FieldKind::Choice(ImageType::WORDS)),
    published("image", FieldKind::Text(TextRule::Image)),
    published("env", FieldKind::Variables),
    published("resource", FieldKind::Object(RESOURCE)),
    published("enableAutoRetry", FieldKind::Switch),
    published("storageConfigs", FieldKind::Mounts { max_items: 64, members: MOUNT }),
    published("maxRetryCount", FieldKind::Integer { bounds: RETRY_BOUNDS, switch: Some("enableAutoRetry") }),
    published("enableTimeoutCancel", FieldKind::Switch),
    published("timeoutHours", FieldKind::Integer { bounds: TIMEOUT_HOURS_BOUNDS, switch: Some("enableTimeoutCancel") }),
    published("startCommand", FieldKind::Text(TextRule::Argument)),
    published("priority", FieldKind::integer(Bounds { min: 1, max: 3 })),
    Field {
        content: false,
        ..ours("labels", FieldKind::Labels { max_items: 64, max_name_chars: 128, max_chars: 1024 })
    },
    Field { content: false, in_jobs: false, ..ours("visibility", FieldKind::Choice(Visibility::WORDS)) },
    ours("workDir", FieldKind::Text(TextRule::AbsolutePath)),
    ours("retryDelaySeconds", FieldKind::integer(WAIT_SECONDS_BOUNDS)),
    ours("timeoutSeconds", FieldKind::integer(TIMEOUT_SECONDS_BOUNDS)),
    ours("stopGraceSeconds", FieldKind::integer(WAIT_SECONDS_BOUNDS)),
    Field { in_jobs: false, ..ours("parameters", FieldKind::Parameters { max_items: 64 }) },
    Field { in_jobs: false, ..ours("locked", FieldKind::Paths { max_items: 256 }) },
    Field { in_jobs: false, ..ours("required", FieldKind::Paths { max_items: 256 }) },
];

const fn member(name: &'static str, kind: FieldKind) -> Member {
    Member { name, kind }
}

/// The members of `resource` that Trainyard knows.
const RESOURCE: &[Member] = &[
    member("type", FieldKind::text(256)),
    member("gpuName", FieldKind::text(256)),
    member("cpuCores", FieldKind::Size { max: 100_000, unit: "cores" }),
    member("gpuCount", FieldKind::Count(Bounds { min: 0, max: 1024 })),
    member("memoryGB", FieldKind::Size { max: 1_000_000, unit: "GB" }),
    member("productCode", FieldKind::text(256)),
    member("productName", FieldKind::text(256)),
    member("workerCount", FieldKind::Count(Bounds { min: 1, max: 10_000 })),
    member("productPrice", FieldKind::NumberOrText { max_chars: 256 }),
];

/// The members of a `storageConfigs` item that Trainyard knows.
const MOUNT: &[Member] = &[
    member("storageId", FieldKind::text(256)),
    member("storageType", FieldKind::Choice(StorageType::WORDS)),
    member("fileDirectory", FieldKind::Text(TextRule::InnerDirectory)),
    member("mountPath", FieldKind::Text(TextRule::AbsolutePath)),
    member("onlyRead", FieldKind::Switch),
];

/// Fields that the server adds to a template record. They are ignored in a body and dropped by an import, so that a
/// record that was read can be sent back.
pub const SERVER_FIELDS: &[&str] = &[
    "id",
    "version",
    "latestVersion",
    "revision",
    "archived",
    "project",
    "createBy",
    "createdTime",
    "createdTimeMs",
    "updatedTime",
    "updatedTimeMs",
    "jobsMade",
    "lastUsedTime",
    "lastUsedTimeMs",
    "usage",
    "runnable",
    "warnings",
];

/// The field with this name.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// All names of fields, for suggestions.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|field| field.name)
}
