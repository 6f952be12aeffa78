//! The table of all fields that a template or a job's request may carry: what is published, what is ours, what is
//! content and what only describes. Everything that lists fields reads it here.

/// Whose field it is; in an update, published ones left out are unset, ours left out keep their value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One of the published page.
    Published,
    /// Ours.
    Ours,
}

/// One top-level field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The published spelling.
    pub name: &'static str,
    /// Whose it is.
    pub owner: Owner,
    /// Whether changing it makes a new version; name, description, labels and visibility do not.
    pub content: bool,
    /// Whether a job may carry it.
    pub in_jobs: bool,
}

const fn published(name: &'static str) -> Field {
    Field { name, owner: Owner::Published, content: true, in_jobs: true }
}

const fn ours(name: &'static str) -> Field {
    Field { name, owner: Owner::Ours, content: true, in_jobs: true }
}

/// Every field but `name`, published ones first in the page's order.
pub const FIELDS: &[Field] = &[
    Field { content: false, ..published("desc") },
    published("aidcId"),
    published("trainingType"),
    published("trainingFramwork"),
    published("imageType"),
    published("image"),
    published("env"),
    published("resource"),
    published("enableAutoRetry"),
    published("storageConfigs"),
    published("maxRetryCount"),
    published("enableTimeoutCancel"),
    published("timeoutHours"),
    published("startCommand"),
    published("priority"),
    Field { content: false, ..ours("labels") },
    Field { content: false, in_jobs: false, ..ours("visibility") },
    ours("workDir"),
    ours("retryDelaySeconds"),
    ours("timeoutSeconds"),
    ours("stopGraceSeconds"),
    Field { in_jobs: false, ..ours("parameters") },
    Field { in_jobs: false, ..ours("locked") },
    Field { in_jobs: false, ..ours("required") },
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

/// The keys of `resource` that mean something; others are kept and given back.
pub(super) const RESOURCE_KEYS: &[&str] = &[
    "type",
    "gpuName",
    "cpuCores",
    "gpuCount",
    "memoryGB",
    "productCode",
    "productName",
    "workerCount",
    "productPrice",
];

/// The keys of a `storageConfigs` item that mean something; others are kept and given back.
pub(super) const MOUNT_KEYS: &[&str] = &["storageId", "storageType", "fileDirectory", "mountPath", "onlyRead"];

/// The field of a name.
pub(super) fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// All names of fields, for suggestions.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|field| field.name)
}
