//! API keys: each key has a user, a project and a role.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to create. A user or project that does not exist is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyCreate {
    /// Name that says what the key is for: 1 to 128 characters, no control characters, no space at the ends.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "nightly training"
    )]
    pub name: String,
    /// User of the key: 1 to 64 letters, digits, `.`, `_`, `-` or `@`, beginning with a letter or digit.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "alice")]
    pub user: String,
    /// Project of the key, by the same rules as a user.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "vision")]
    pub project: String,
    /// Rights of the key.
    pub role: Role,
    /// Expiry time in the future, `yyyy-MM-dd HH:mm:ss` in the time zone of the server; by default the key never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", example = "2027-01-01 00:00:00")]
    pub expires: Option<String>,
}

/// Rights of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manages the whole server: all projects, keys, storages.
    Admin,
    /// Manages everything in its project.
    Manager,
    /// Manages the jobs and templates of its user; reads those of the project.
    Member,
    /// Reads everything in its project.
    Viewer,
}

/// The created key. Only this response contains its text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// Text of the key, to send as `Authorization: Bearer …`.
    pub key: String,
    /// The key as lists show it.
    #[serde(flatten)]
    pub record: KeyRecord,
}

impl std::fmt::Debug for KeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCreated").field("key", &"***").field("record", &self.record).finish()
    }
}

/// A key, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// Id of the key.
    #[schema(example = "key_6f1a62c0a5bf4e0c9b2f")]
    pub id: String,
    /// Name that says what the key is for.
    pub name: String,
    /// User of the key.
    pub user: String,
    /// Project of the key.
    pub project: String,
    /// Rights of the key.
    pub role: Role,
    /// User that created the key; `system` for the first.
    pub create_by: String,
    /// Creation time, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// Creation time in Unix milliseconds.
    pub created_time_ms: i64,
    /// Expiry time, `yyyy-MM-dd HH:mm:ss`; left out if the key never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires: Option<String>,
    /// Expiry time in Unix milliseconds; left out if the key never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_ms: Option<i64>,
    /// Time of the last use, `yyyy-MM-dd HH:mm:ss`, exact to the hour; left out before the first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time: Option<String>,
    /// Time of the last use in Unix milliseconds; left out before the first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}
