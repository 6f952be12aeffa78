use super::*;

const SOCKET: &str = "unix:/data/server.sock";
const PUBLIC: &str = "unix:/run/trainyard/server.sock";
const LOCAL: &str = "http://127.0.0.1:9000";
const REMOTE: &str = "https://train.example.com";

/// Compares the chosen address, the key, and the key for a server that does not know the account; the error is the exit
/// code.
fn check(sources: Sources, expected: Result<(&str, Option<&str>, Option<&str>), u8>) {
    let chosen = choose(sources.clone()).map_err(|failure| failure.code());
    let expected = expected.map(|(address, key, key_if_refused)| Target {
        address: address.to_owned(),
        key: key.map(str::to_owned),
        key_if_refused: key_if_refused.map(str::to_owned),
    });
    assert_eq!(chosen, expected, "{sources:?}");
}

fn sources(server: Option<&str>, key: Option<&str>, login: bool, local: bool, data_dir_named: bool) -> Sources {
    let login = login.then(|| Login { server: format!("{REMOTE}/"), key: "remembered".to_owned() });
    let local = match local {
        true => Local {
            dir: "/data".into(),
            socket: Some(SOCKET.to_owned()),
            url: Some(LOCAL.to_owned()),
            key: Some("admin".to_owned()),
        },
        false => Local { dir: "/data".into(), ..Local::default() },
    };
    let (server, key) = (server.map(str::to_owned), key.map(str::to_owned));
    Sources { server, key, login, local, public_socket: None, data_dir_named }
}

#[test]
fn a_named_server_precedes_the_login_and_the_login_precedes_this_machine() {
    let remote = format!("{REMOTE}/");
    check(sources(Some(REMOTE), None, true, true, false), Ok((REMOTE, Some("remembered"), None)));
    check(sources(None, None, true, true, false), Ok((&remote, Some("remembered"), None)));
    check(sources(None, None, false, true, false), Ok((SOCKET, None, Some("admin"))));
}

#[test]
fn a_named_data_directory_precedes_the_login() {
    check(sources(None, None, true, true, true), Ok((SOCKET, None, Some("admin"))));
    check(sources(Some(REMOTE), None, true, true, true), Ok((REMOTE, Some("remembered"), None)));
}

#[test]
fn the_key_of_the_environment_takes_precedence() {
    check(sources(None, Some("env"), true, true, false), Ok((&format!("{REMOTE}/"), Some("env"), None)));
    check(sources(Some("http://other:1"), Some("env"), true, true, false), Ok(("http://other:1", Some("env"), None)));
    check(sources(None, Some("env"), false, true, false), Ok((SOCKET, Some("env"), None)));
}

#[test]
fn a_key_is_never_sent_to_another_server() {
    check(sources(Some("http://other:1"), None, true, true, false), Err(2));
    check(sources(Some("http://other:1"), None, true, true, true), Err(2));
    check(sources(Some(PUBLIC), None, true, true, false), Ok((PUBLIC, None, None)));
}

#[test]
fn the_server_of_this_machine_is_called_over_its_socket_whatever_names_it() {
    for address in [LOCAL.to_owned(), format!("{LOCAL}/"), SOCKET.to_owned()] {
        check(sources(Some(&address), None, true, true, false), Ok((SOCKET, None, Some("admin"))));
        let mut login = sources(None, None, false, true, false);
        login.login = Some(Login { server: address, key: "mine".to_owned() });
        check(login, Ok((SOCKET, Some("mine"), None)));
    }
}

#[test]
fn without_a_socket_no_key_goes_to_an_address_that_no_user_named() {
    // Another process may listen on the address of a server that does not run.
    for data_dir_named in [false, true] {
        let mut down = sources(None, None, false, true, data_dir_named);
        down.local.socket = None;
        check(down.clone(), Err(3));
        down.key = Some("env".to_owned());
        check(down.clone(), Err(3));
        down.key = None;
        down.server = Some(LOCAL.to_owned());
        check(down, Err(2));
    }
    check(sources(None, Some("env"), false, false, false), Err(3));
}

#[test]
fn every_account_finds_the_public_socket() {
    let with_public = |login, local, data_dir_named| Sources {
        public_socket: Some(PUBLIC.to_owned()),
        ..sources(None, None, login, local, data_dir_named)
    };
    check(with_public(false, false, false), Ok((PUBLIC, None, None)));
    check(with_public(false, true, false), Ok((SOCKET, None, Some("admin"))));
    check(with_public(true, false, false), Ok((&format!("{REMOTE}/"), Some("remembered"), None)));
    check(with_public(false, false, true), Err(3));
}
