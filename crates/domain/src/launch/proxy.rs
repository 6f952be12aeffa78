//! Proxies and the workers of one job: what is handed on for the world outside must not stand between them.
//!
//! gRPC, which TensorFlow's workers speak, takes `http_proxy` even to 127.0.0.1 and then waits for ever; only the
//! lower-case `no_proxy` keeps it from that. Others read only the upper-case one, so both are set.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_is_added_to_both_spellings_where_a_proxy_is_set() {
        let check = |given: &[(&str, &str)], no_proxy: [Option<&str>; 2]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let mut env: BTreeMap<String, String> = given.iter().map(own).collect();
            spare_own_host(&mut env);
            assert_eq!(EXCEPTIONS.map(|name| env.get(name).map(String::as_str)), no_proxy, "{given:?}");
        };
        let both = |value| [Some(value), Some(value)];
        check(&[], [None, None]);
        check(&[("no_proxy", "a")], [Some("a"), None]);
        check(&[("http_proxy", "")], [None, None]);
        check(&[("http_proxy", "p")], both("localhost,127.0.0.1"));
        check(&[("HTTPS_PROXY", "p"), ("NO_PROXY", "a.b, localhost")], both("a.b, localhost,127.0.0.1"));
        check(&[("all_proxy", "p"), ("no_proxy", "127.0.0.1,localhost")], both("127.0.0.1,localhost"));
        let differ = [Some("a,localhost,127.0.0.1"), Some("b,localhost,127.0.0.1")];
        check(&[("http_proxy", "p"), ("no_proxy", "a"), ("NO_PROXY", "b")], differ);
    }
}
