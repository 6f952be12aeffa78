//! The variables of the server's own environment that workers get.

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

/// The variables for workers that run as this account, or as the server's user.
pub(super) fn of(
    environment: &BTreeMap<String, String>,
    pass_env: &[String],
    account: Option<&Account>,
) -> Vec<(String, String)> {
    of_user(passed(environment, pass_env), account)
}

fn passed(environment: &BTreeMap<String, String>, pass_env: &[String]) -> Vec<(String, String)> {
    let names: BTreeSet<&str> = BASE_ENV.into_iter().chain(pass_env.iter().map(String::as_str)).collect();
    let passed = names.into_iter().filter(|name| !name.starts_with("TRAINYARD_"));
    passed.filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone()))).collect()
}

/// Sets the variables that name the user to those of the account that the worker runs as.
fn of_user(base: Vec<(String, String)>, account: Option<&Account>) -> Vec<(String, String)> {
    let Some(account) = account else { return base };
    let own = [("HOME", account.home.to_string_lossy().into_owned()), ("USER", account.name.clone())];
    let others = base.into_iter().filter(|(name, _)| !matches!(name.as_str(), "HOME" | "USER"));
    own.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(others).collect()
}
