use std::collections::BTreeMap;

use super::*;

/// The exceptions, `no_proxy` and `NO_PROXY`, beside these variables.
#[track_caller]
fn check(given: &[(&str, &str)], hosts: Option<&[&str]>, expected: Option<[&str; 2]>) {
    let env: BTreeMap<&str, &str> = given.iter().copied().collect();
    let hosts: Option<Vec<String>> = hosts.map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect());
    let found = proxy_exceptions(|name| env.get(name).copied(), hosts.as_deref());
    let pairs = expected.into_iter().flat_map(|values| EXCEPTIONS.into_iter().zip(values));
    let expected: Vec<(String, String)> = pairs.map(|(name, list)| (name.to_owned(), list.to_owned())).collect();
    assert_eq!(found, expected, "{given:?}");
}

#[test]
fn this_host_is_added_to_both_spellings_where_a_proxy_is_set() {
    let check = |given: &[(&str, &str)], expected| check(given, Some(&["127.0.0.1"]), expected);
    let both = |value| Some([value, value]);
    check(&[], None);
    check(&[("no_proxy", "a")], None);
    check(&[("http_proxy", "")], None);
    check(&[("http_proxy", "p")], both("localhost,127.0.0.1"));
    check(&[("HTTPS_PROXY", "p"), ("NO_PROXY", "a.b, localhost")], both("a.b, localhost,127.0.0.1"));
    check(&[("all_proxy", "p"), ("no_proxy", "127.0.0.1,localhost")], both("127.0.0.1,localhost"));
    check(&[("all_proxy", "p"), ("no_proxy", "127.0.0.1 localhost")], both("127.0.0.1 localhost"));
    check(&[("http_proxy", "p"), ("no_proxy", " ")], both("localhost,127.0.0.1"));
    let differ = Some(["a,localhost,127.0.0.1", "b,localhost,127.0.0.1"]);
    check(&[("http_proxy", "p"), ("no_proxy", "a"), ("NO_PROXY", "b")], differ);
}

#[test]
fn workers_on_other_hosts_are_added_too() {
    let given = [("http_proxy", "p"), ("no_proxy", "n2")];
    check(&given, Some(&["n1", "n2", "n1"]), Some(["n2,localhost,127.0.0.1,n1"; 2]));
    check(&given, None, Some(["n2,localhost,127.0.0.1,<decided on the node>"; 2]));
}
