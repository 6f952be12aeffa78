//! The Unix socket in the data directory, and the one for all accounts of the host: an account is known without a key.

mod accounts;
mod inherited;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use reqwest::Method;
use serde_json::json;

use crate::{
    caller::{Caller, pod_name},
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// A call that only an administrator may make.
const ADMINS_ONLY: &str = "/v1/api-key/list";
/// A call that every known caller may make.
const ANY: &str = "/v1/aidc/list";

/// Runs the command line as the user of this test, with an empty home directory and these variables.
async fn run(daemon: &Daemon, variables: &[(&str, &str)], args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", daemon.dir.path()).envs(variables.iter().copied()).args(args);
    output_of(command).await
}

/// Waits for the end of a command. Returns exit code, stdout and stderr.
async fn output_of(mut command: Command) -> (i32, String, String) {
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Whether jobs of this server can see its data directory.
async fn is_isolated(daemon: &Daemon) -> bool {
    !daemon.get(ANY).await.ok()[0]["isolation"].as_str().unwrap().starts_with("NOT")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_user_is_the_administrator_without_a_key() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    if !is_isolated(&daemon).await {
        return;
    }
    let socket = daemon.data().join("server.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let local = Caller::over_socket(&socket);
    assert_eq!(local.get(ADMINS_ONLY).await.ok()["totalRows"], 1);
    let template = json!({"name": "n", "startCommand": "true"});
    let id = local.post("/v1/training/template/create", &template).await.created_id();
    let detail = daemon.get(&format!("/v1/training/template/{id}/detail")).await.ok();
    assert_eq!((&detail["createBy"], &detail["project"]), (&json!("admin"), &json!("default")));

    let without_key = daemon.send(daemon.request(Method::GET, ANY, "")).await;
    assert_eq!(without_key.status, 401, "an address of the network proves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_sent_over_the_socket_counts_and_not_the_account() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let local = Caller::over_socket(&daemon.data().join("server.sock"));
    let member = daemon.key("alice", "vision", "member").await;
    let status = async |key: &str, path: &str| local.send(local.request(Method::GET, path, key)).await.status;
    assert_eq!((status(&member, ANY).await, status(&member, ADMINS_ONLY).await), (200, 403));
    assert_eq!(status(&daemon.admin, ADMINS_ONLY).await, 200);
    let unknown = format!("tyk_{}_{}", "0".repeat(8), "0".repeat(64));
    assert_eq!(status(&unknown, ANY).await, 401);
    let malformed = local.request(Method::GET, ANY, "").header("authorization", "Basic eDp5");
    assert_eq!(local.send(malformed).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_needs_no_key_and_no_address_on_the_servers_machine() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let isolated = is_isolated(&daemon).await;
    let data = daemon.data();
    let named = [("TRAINYARD_DATA_DIR", data.to_str().unwrap())];
    let (code, out, err) = run(&daemon, &named, &["key", "list"]).await;
    assert_eq!(code, 0, "{out}{err}");
    fs::remove_file(data.join("admin.key")).unwrap();
    fs::write(data.join("server.url"), "http://127.0.0.1:1").unwrap();
    let (code, out, err) = run(&daemon, &named, &["key", "list"]).await;
    assert_eq!(code, if isolated { 0 } else { 1 }, "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_reaches_a_process_that_takes_the_port_of_a_server_that_is_down() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let data = daemon.data();
    let address = fs::read_to_string(data.join("server.url")).unwrap().trim().to_owned();
    daemon.kill();
    // A killed server leaves all its files.
    assert!(data.join("server.sock").exists() && data.join("admin.key").exists());
    let thief = TcpListener::bind(address.strip_prefix("http://").unwrap()).unwrap();
    thief.set_nonblocking(true).unwrap();
    let data_dir = ("TRAINYARD_DATA_DIR", data.to_str().unwrap());
    for variables in
        [&[data_dir][..], &[data_dir, ("TRAINYARD_API_KEY", "tyk_secret")], &[data_dir, ("TRAINYARD_SERVER", &address)]]
    {
        let (code, out, err) = run(&daemon, variables, &["job", "list"]).await;
        assert_eq!(code, 3, "{variables:?}: {out}{err}");
        assert!(err.contains("nothing listens there"), "{variables:?}: {err}");
    }
    fs::remove_file(data.join("server.sock")).unwrap();
    for (variables, expected) in [(&[data_dir][..], 3), (&[data_dir, ("TRAINYARD_SERVER", &address)], 2)] {
        let (code, out, err) = run(&daemon, variables, &["job", "list"]).await;
        assert_eq!(code, expected, "{variables:?}: {out}{err}");
    }
    assert!(thief.accept().is_err(), "no command has called the address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_replaces_the_socket_of_a_killed_one_and_removes_its_own() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let socket = daemon.data().join("server.sock");
    daemon.kill();
    assert!(socket.exists());
    daemon.start_again();
    daemon.wait_until_ready().await;
    let local = Caller::over_socket(&socket);
    local.send(local.request(Method::GET, ANY, &daemon.admin)).await.ok();
    let second = daemon.second_server().output().unwrap();
    assert!(!second.status.success());
    local.send(local.request(Method::GET, ANY, &daemon.admin)).await.ok();
    assert!(daemon.terminate().await.success());
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_does_not_reach_the_socket_in_the_data_directory() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let connect = r#"
        python3 - "$DIR/server.sock" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    s.sendall(b"GET /v1/api-key/list HTTP/1.0\r\nHost: x\r\n\r\n")
    print(s.recv(12).decode())
except OSError as error:
    print("refused:", error.strerror)
END"#;
    let job = daemon.job(connect, json!({"env": {"DIR": daemon.data()}})).await;
    assert_eq!(daemon.wait_for_end(&job).await["status"], "Succeeded");
    let log = daemon.log(&job, 0).await;
    let expected = if is_isolated(&daemon).await { "refused: No such file" } else { "HTTP/1.1 401" };
    assert!(log.starts_with(expected), "{}: {log}", pod_name(&job, 0));
}
