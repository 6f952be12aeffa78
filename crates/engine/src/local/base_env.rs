//! The variables of the server's own environment that workers get, and those that name the user they run as.
//!
//! The server's own `TRAINYARD_*` variables, such as the path of its admin key, never reach a worker.

use std::collections::{BTreeMap, BTreeSet};

use super::sandbox::Account;

/// The variables that jobs get from the server's environment, if it has them.
const BASE_ENV: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "LD_LIBRARY_PATH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// The variables that workers get from the server's environment, whatever user they run as.
pub(super) fn passed(environment: &BTreeMap<String, String>, pass_env: &[String]) -> Vec<(String, String)> {
    let names: BTreeSet<&str> = BASE_ENV.into_iter().chain(pass_env.iter().map(String::as_str)).collect();
    let passed = names.into_iter().filter(|name| !name.starts_with("TRAINYARD_"));
    passed.filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone()))).collect()
}

/// Replaces the variables that name the server's user by those of the account; `HOME` only if the account has one.
pub(super) fn of_account(base: &[(String, String)], account: &Account) -> Vec<(String, String)> {
    let home = account.home.iter().map(|home| ("HOME", home.to_string_lossy().into_owned()));
    let own = home.chain([("USER", account.name.clone())]);
    let others = base.iter().filter(|(name, _)| !matches!(name.as_str(), "HOME" | "USER"));
    own.map(|(name, value)| (name.to_owned(), value)).chain(others.cloned()).collect()
}
