//! The key `run_as` of a centre: the user of the host that its jobs run as.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

/// The user of the host that the jobs of a centre run as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum RunAs {
    /// The server's own user. A server that runs as root then lets only admins create jobs.
    #[default]
    Server,
    /// Root, on purpose: the jobs of all users.
    Root,
    /// One account of the host, for all jobs.
    Account(String),
    /// The account of the host with the name of the job's Trainyard user, or the account that `accounts` maps to it.
    Submitter,
    /// A user id of the pool for each Trainyard user.
    Pool,
}

impl From<String> for RunAs {
    fn from(word: String) -> Self {
        match word.as_str() {
            "server" => Self::Server,
            "root" => Self::Root,
            "submitter" => Self::Submitter,
            "pool" => Self::Pool,
            _ => Self::Account(word),
        }
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Root => "root",
            Self::Account(name) => name,
            Self::Submitter => "submitter",
            Self::Pool => "pool",
        })
    }
}

impl RunAs {
    /// Whether jobs run as other users than the server's own.
    pub fn needs_other_users(&self) -> bool {
        matches!(self, Self::Account(_) | Self::Submitter | Self::Pool)
    }

    /// Checks the value with the map of accounts; the error is the rule that it breaks.
    pub(super) fn check(&self, accounts: &BTreeMap<String, String>) -> Result<(), String> {
        if matches!(self, Self::Account(name) if name.trim().is_empty()) {
            return Err("run_as must be server, root, submitter, pool or the name of an account".to_owned());
        }
        if !accounts.is_empty() && *self != Self::Submitter {
            return Err("accounts is allowed only with run_as = \"submitter\"".to_owned());
        }
        match accounts.iter().find(|(user, account)| user.trim().is_empty() || account.trim().is_empty()) {
            Some((user, account)) => Err(format!("accounts: {user:?} = {account:?} must be a user and an account")),
            None => Ok(()),
        }
    }
}
