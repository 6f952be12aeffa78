//! Secrets: named values that jobs get as environment variables. No response contains a value.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A secret to create in the project of the key, or a new value for an existing one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretCreate {
    /// Name with which `env` names the secret: 1 to 64 letters, digits, `.`, `_`, `-` or `@`, beginning with a letter or
    /// digit. Unique among the secrets with the same scope.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "wandb")]
    pub name: String,
    /// The secret value: text of 1 byte to 64 KiB without NUL. The server encrypts it, and no call answers it.
    #[schema(min_length = 1, max_length = 65536, format = Password, example = "a-long-random-text")]
    pub value: String,
    /// Jobs that can use the secret; by default those of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SecretScope>,
    /// Whether to replace the value of an existing secret; by default `false`. Running jobs keep the old value, and each
    /// later attempt gets the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
}

impl std::fmt::Debug for SecretCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, value: _, scope, replace } = self;
        let mut shown = f.debug_struct("SecretCreate");
        shown.field("name", name).field("value", &"***").field("scope", scope).field("replace", replace).finish()
    }
}

/// Jobs that can use a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretScope {
    /// All jobs of the project.
    Project,
    /// The jobs of one user in the project. A job of this user gets the personal secret if the project has one of the same
    /// name too.
    Personal,
}

/// A secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRecord {
    /// Name of the secret.
    #[schema(example = "wandb")]
    pub name: String,
    /// Jobs that can use the secret.
    pub scope: SecretScope,
    /// Project of the secret.
    #[schema(example = "vision")]
    pub project: String,
    /// User of a personal secret; left out for a secret of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// Whether the server can open the value. If not, `secret.key` in its data directory is not the key that encrypted it.
    pub usable: bool,
    /// User that created the secret.
    pub create_by: String,
    /// Creation time, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub created_time: String,
    /// Creation time in Unix milliseconds.
    pub created_time_ms: i64,
    /// User that set the present value.
    pub update_by: String,
    /// Time at which the present value was set, `yyyy-MM-dd HH:mm:ss`.
    #[schema(example = "2026-11-02 08:15:30")]
    pub updated_time: String,
    /// Time at which the present value was set, in Unix milliseconds.
    pub updated_time_ms: i64,
}

/// Says which of the secrets with a name to delete. By default the one that exists, of the project or of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SecretDeleteQuery {
    /// Scope of the secret: `project` or `personal`. Required if both exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SecretScope>,
    /// User of a personal secret; by default the caller. Only managers and admins see those of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Project of the secret; by default that of the key. Only admins see other projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}
