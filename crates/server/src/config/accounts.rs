//! The `[accounts]` table: which accounts of this host may call without an API key, and as which user.

use std::collections::BTreeMap;

use serde::Deserialize;
use trainyard_domain::{access::Role, text::ShortName};

/// The entry that stands for every account without an entry of its own.
pub const EVERY_OTHER: &str = "*";

/// The entries of the table by the name of the account.
pub type AccountTable = BTreeMap<String, AccountConfig>;

/// What an account may do without an API key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// The user of its calls; by default the user with the name of the account.
    pub user: Option<String>,
    /// The project of its calls; by default `default`.
    pub project: Option<String>,
    /// The role of its calls; by default `member`.
    pub role: Option<Role>,
}

/// Checks the names in the table. The error is the entry and the rule that it breaks.
pub(super) fn check(table: &AccountTable) -> Result<(), String> {
    for (account, entry) in table {
        let named = |what: &str, name: &str| {
            ShortName::parse(name).map(drop).map_err(|rule| format!("{account:?}: {what} {name:?} {rule}"))
        };
        match (&entry.user, account.as_str()) {
            (Some(_), EVERY_OTHER) => {
                return Err(format!("\"{EVERY_OTHER}\": must have no user, because each account is a user of its own"));
            }
            (Some(user), _) => named("user", user)?,
            (None, EVERY_OTHER) => {}
            (None, account) => named("user", account)?,
        }
        if let Some(project) = &entry.project {
            named("project", project)?;
        }
    }
    Ok(())
}
