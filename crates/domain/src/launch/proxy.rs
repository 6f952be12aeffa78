//! Proxies and the workers of one job: a proxy for the world outside must not stand between the workers.
//!
//! gRPC, which TensorFlow's workers speak, uses `http_proxy` even for 127.0.0.1 and then waits without end; only the
//! lower-case `no_proxy` prevents that. Other libraries read only the upper-case one, so both are set.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
const OWN: [&str; 2] = ["localhost", "127.0.0.1"];

/// Where any proxy is set, adds this host and the workers' hosts to those that are reached without a proxy.
pub(super) fn bypass_for_workers(env: &mut BTreeMap<String, String>, hosts: &[String]) {
    if !PROXIES.iter().any(|name| env.get(*name).is_some_and(|proxy| !proxy.is_empty())) {
        return;
    }
    let given = EXCEPTIONS.map(|name| env.get(name).cloned());
    let either = given.iter().flatten().next().cloned().unwrap_or_default();
    for (name, list) in EXCEPTIONS.into_iter().zip(given) {
        env.insert(name.to_owned(), with_workers(list.unwrap_or_else(|| either.clone()), hosts));
    }
}

fn with_workers(list: String, hosts: &[String]) -> String {
    let mut named: BTreeSet<&str> = list.split(',').map(str::trim).collect();
    let all = OWN.into_iter().chain(hosts.iter().map(String::as_str));
    let missing: Vec<&str> = all.filter(|host| named.insert(host)).collect();
    let rest = Some(list.as_str()).filter(|list| !list.trim().is_empty());
    rest.into_iter().chain(missing).collect::<Vec<_>>().join(",")
}
