use super::*;

const LOCAL: &str = "http://127.0.0.1:9000";
const REMOTE: &str = "https://train.example.com";

/// Compares the chosen server and key; `None` if no key is found.
fn check(sources: Sources, expected: Option<(&str, &str)>) {
    let chosen = choose(sources.clone()).ok().map(|target| (target.server, target.key));
    let chosen = chosen.as_ref().map(|(server, key)| (server.as_str(), key.as_str()));
    assert_eq!(chosen, expected, "{sources:?}");
}

fn sources(server: Option<&str>, key: Option<&str>, login: bool, local: bool, data_dir_named: bool) -> Sources {
    let login = login.then(|| Login { server: format!("{REMOTE}/"), key: "remembered".to_owned() });
    let local = match local {
        true => Local { url: Some(LOCAL.to_owned()), key: Some("admin".to_owned()) },
        false => Local::default(),
    };
    Sources { server: server.map(str::to_owned), key: key.map(str::to_owned), login, local, data_dir_named }
}

#[test]
fn a_named_server_precedes_the_login_and_the_login_precedes_this_machine() {
    let remote = format!("{REMOTE}/");
    check(sources(Some(REMOTE), None, true, true, false), Some((REMOTE, "remembered")));
    check(sources(None, None, true, true, false), Some((&remote, "remembered")));
    check(sources(None, None, false, true, false), Some((LOCAL, "admin")));
}

#[test]
fn a_named_data_directory_precedes_the_login() {
    check(sources(None, None, true, true, true), Some((LOCAL, "admin")));
    check(sources(Some(REMOTE), None, true, true, true), Some((REMOTE, "remembered")));
}

#[test]
fn the_key_of_the_environment_takes_precedence() {
    check(sources(None, Some("env"), true, true, false), Some((&format!("{REMOTE}/"), "env")));
    check(sources(Some("http://other:1"), Some("env"), true, true, false), Some(("http://other:1", "env")));
    check(sources(None, Some("env"), false, false, false), Some((paths::DEFAULT_ADDRESS, "env")));
}

#[test]
fn a_key_is_never_sent_to_another_server() {
    check(sources(Some("http://other:1"), None, true, true, false), None);
    check(sources(Some("http://other:1"), None, true, true, true), None);
    check(sources(None, None, false, false, false), None);
}

#[test]
fn the_admin_key_serves_the_named_local_address() {
    check(sources(Some(&format!("{LOCAL}/")), None, true, true, false), Some((&format!("{LOCAL}/"), "admin")));
}

#[test]
fn a_server_that_has_not_started_is_expected_at_the_default_address() {
    let mut none_up = sources(None, None, false, true, false);
    none_up.local.url = None;
    check(none_up, Some((paths::DEFAULT_ADDRESS, "admin")));
}
