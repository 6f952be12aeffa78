use super::*;

#[test]
fn this_host_is_added_to_both_spellings_where_a_proxy_is_set() {
    let check = |given: &[(&str, &str)], no_proxy: [Option<&str>; 2]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut env: BTreeMap<String, String> = given.iter().map(own).collect();
        bypass_for_workers(&mut env, &["127.0.0.1".to_owned()]);
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

#[test]
fn workers_on_other_hosts_are_added_too() {
    let mut env = BTreeMap::from([("http_proxy".to_owned(), "p".to_owned()), ("no_proxy".to_owned(), "n2".to_owned())]);
    bypass_for_workers(&mut env, &["n1", "n2", "n1"].map(str::to_owned));
    assert_eq!(EXCEPTIONS.map(|name| env[name].as_str()), ["n2,localhost,127.0.0.1,n1"; 2]);
}
