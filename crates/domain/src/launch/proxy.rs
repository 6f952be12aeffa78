//! Proxies and the workers of one job: what is handed on for the world outside must not stand between them.
//!
//! gRPC, which TensorFlow's workers speak, takes `http_proxy` even to 127.0.0.1 and then waits for ever; only the
//! lower-case `no_proxy` keeps it from that. Others read only the upper-case one, so both are set.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::LOOPBACK;

const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
const OWN: [&str; 2] = ["localhost", LOOPBACK];

/// Where any proxy is set, adds this host to what is reached without one.
pub(super) fn spare_own_host(env: &mut BTreeMap<String, String>) {
    if !PROXIES.iter().any(|name| env.get(*name).is_some_and(|proxy| !proxy.is_empty())) {
        return;
    }
    let given = EXCEPTIONS.map(|name| env.get(name).cloned());
    let either = given.iter().flatten().next().cloned().unwrap_or_default();
    for (name, list) in EXCEPTIONS.into_iter().zip(given) {
        env.insert(name.to_owned(), with_own(list.unwrap_or_else(|| either.clone())));
    }
}

fn with_own(list: String) -> String {
    let named: Vec<&str> = list.split(',').map(str::trim).collect();
    let missing: Vec<&str> = OWN.into_iter().filter(|own| !named.contains(own)).collect();
    let rest = Some(list.as_str()).filter(|list| !list.trim().is_empty());
    rest.into_iter().chain(missing).collect::<Vec<_>>().join(",")
}
