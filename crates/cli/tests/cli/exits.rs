use std::{fs, io::Read, net::TcpListener, process::Stdio};

use crate::one_answer::{ended, serve, trainyard};

const EMPTY_PAGE: &str =
    r#"{"status":200,"message":"OK","data":{"records":[],"pageNo":1,"pageSize":20,"totalRows":0}}"#;

/// Runs a command against a server and checks its exit code and a part of standard error.
fn check(server: &str, args: &[&str], code: i32, said: &str) {
    let home = tempfile::tempdir().unwrap();
    let output = trainyard(home.path(), args).env("TRAINYARD_API_KEY", "k").env("TRAINYARD_SERVER", server).output();
    let (got, out, err) = ended(&output.unwrap());
    assert_eq!(got, code, "{args:?}\n{out}\n{err}");
    assert!(err.contains(said), "{args:?}: {said:?} in {err:?}");
}

#[test]
fn a_successful_call_exits_with_0_and_prints_only_its_result() {
    let server = serve(200, EMPTY_PAGE);
    check(&server, &["template", "list"], 0, "");
    check(&server, &["job", "list", "-o", "yaml"], 0, "");
}

#[test]
fn a_refused_call_exits_with_1_and_prints_the_message_and_each_fault_on_a_line() {
    let refused = r#"{"status":400,"message":"Bad Request: 2 faults","data":{"code":"bad_query","errors":[
        {"field":"status","code":"unknown_value","message":"must be a status"},
        {"field":"pageNo","code":"out_of_range","message":"must be 1 or more"}]}}"#;
    let server = serve(400, refused);
    let lines = "error: Bad Request: 2 faults\n  status: must be a status\n  pageNo: must be 1 or more\n";
    check(&server, &["job", "list", "--status", "x"], 1, lines);
}

#[test]
fn a_request_that_cannot_be_sent_exits_with_2() {
    let server = serve(200, EMPTY_PAGE);
    check(&server, &["template", "create"], 2, "--file");
    check(&server, &["template", "create", "-f", "/no/such/file"], 2, "cannot read /no/such/file");
    check(&server, &["job", "create", "--template", "t", "--set", "priority"], 2, "is not PATH=VALUE");
    check(&server, &["nonsense"], 2, "unrecognized subcommand");
    check("127.0.0.1:1", &["template", "list"], 2, "write it as http://HOST:PORT");
}

#[test]
fn a_missing_server_exits_with_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    check(&address, &["centre", "list"], 3, "nothing listens there; start the server");
}

#[test]
fn a_missing_key_exits_with_2_and_says_how_to_get_one() {
    let home = tempfile::tempdir().unwrap();
    let output = trainyard(home.path(), &["job", "list", "--server", "http://127.0.0.1:1"]).output().unwrap();
    let (code, _, err) = ended(&output);
    assert_eq!(code, 2);
    assert!(err.contains("TRAINYARD_API_KEY") && err.contains("trainyard login"), "{err}");
}

#[test]
fn a_closed_standard_output_causes_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let mut command = trainyard(home.path(), &["completions", "bash"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let code = child.wait().unwrap().code();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((code, err.as_str()), (Some(141), ""));
}

#[test]
fn help_and_version_exit_with_0_and_help_lists_the_exit_codes() {
    let home = tempfile::tempdir().unwrap();
    for args in [&["--help"][..], &["job", "--help"], &["template", "--help"]] {
        let (code, out, _) = ended(&trainyard(home.path(), args).output().unwrap());
        assert_eq!(code, 0, "{args:?}");
        assert!(out.contains("3    no server answers"), "{args:?}: {out}");
    }
    assert_eq!(ended(&trainyard(home.path(), &["--version"]).output().unwrap()).0, 0);
}

#[test]
fn no_proxy_is_used_for_this_machine() {
    let server = serve(200, EMPTY_PAGE);
    let proxy = serve(502, "");
    let home = tempfile::tempdir().unwrap();
    for address in [server.clone(), server.replace("127.0.0.1", "localhost")] {
        let mut command = trainyard(home.path(), &["template", "list"]);
        command.env("TRAINYARD_API_KEY", "k").env("TRAINYARD_SERVER", &address);
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(variable, &proxy);
        }
        let (code, _, err) = ended(&command.output().unwrap());
        assert_eq!(code, 0, "{address}: {err}");
    }
}

#[test]
fn login_checks_the_key_and_saves_it() {
    let server = serve(200, EMPTY_PAGE);
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("key");
    fs::write(&keys, "tyk_1\n").unwrap();
    let mut login = trainyard(home.path(), &["login", &server]);
    let (code, out, err) = ended(&login.stdin(fs::File::open(&keys).unwrap()).output().unwrap());
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let saved = fs::read_to_string(home.path().join(".config/trainyard/login.toml")).unwrap();
    assert!(saved.contains(&server) && saved.contains("tyk_1"), "{saved}");
    let mut list = trainyard(home.path(), &["template", "list"]);
    assert_eq!(ended(&list.env_remove("TRAINYARD_DATA_DIR").output().unwrap()).0, 0);
}
