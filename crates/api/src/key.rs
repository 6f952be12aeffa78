//! API keys: who calls, for which project, with which rights.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to make. User and project are made when an admin first names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyCreate {
    /// What the key is for: 1 to 128 characters, no control characters, no space at the ends.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
        example = "nightly training"
    )]
    pub name: String,
    /// User who acts with it: 1 to 64 letters, digits, `.`, `_`, `-` or `@`, beginning with a letter or digit.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "alice")]
    pub user: String,
    /// Project it works in: as a user.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "vision")]
    pub project: String,
    /// What it may do.
    pub role: Role,
    /// Until when it is valid, `yyyy-MM-dd HH:mm:ss` in the server's time zone, in the future; by default without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", example = "2027-01-01 00:00:00")]
    pub expires: Option<String>,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The whole server.
    Admin,
    /// Everything in its project.
    Manager,
    /// Its user's jobs and templates; reads the project's.
    Member,
    /// Reads the project.
    Viewer,
}

/// A key that was made. Its text is answered here and never again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// The text to send as `Authorization: Bearer …`.
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
    /// What the key is for.
    pub name: String,
    /// User who acts with it.
    pub user: String,
    /// Project it works in.
    pub project: String,
    /// What it may do.
    pub role: Role,
    /// User who made it; `system` for the first.
    pub create_by: String,
    /// When it was made, `yyyy-MM-dd HH:mm:ss` in the server's time zone (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// When it was made, in Unix milliseconds.
    pub created_time_ms: i64,
    /// Until when it is valid; left out without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires: Option<String>,
    /// Until when it is valid, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_ms: Option<i64>,
    /// When it was last used, to the hour; left out before its first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time: Option<String>,
    /// When it was last used, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_time_ms: Option<i64>,
}
