//! No answer, file, process and log line of the server contains the value of a secret, whichever key asks.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::create;
use crate::{
    contract::{minimal_body, minimal_query, operations},
    daemon::Daemon,
    harness::{Caller, Host, ROOMY, pod_name, until},
};

const VALUE: &str = "hunter2-of-the-project";
const PERSONAL: &str = "hunter2-of-alice-alone";
/// Runs until the file `go` exists and prints no secret.
const COMMAND: &str = "until [ -e go ]; do sleep 0.05; done; echo ${#KEY}";

/// Every form in which a value could appear.
fn forms() -> Vec<Vec<u8>> {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
    // In base64 the offset of the text decides about its form; these are the parts that all forms of one offset share.
    let base64 = ["aHVudGVyMi1vZi", "h1bnRlcjItb2Yt", "odW50ZXIyLW9mL"].map(|text| text.as_bytes().to_vec());
    let plain = [VALUE, PERSONAL].map(|text| text.as_bytes().to_vec());
    plain.into_iter().chain([hex(VALUE), hex(PERSONAL)]).chain(base64).collect()
}

fn contains_value(bytes: &[u8]) -> bool {
    forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

/// Creates both secrets as alice of the project vision.
async fn create_secrets(caller: &Caller, alice: &str) {
    for (name, value, scope) in [("team", VALUE, "project"), ("own", PERSONAL, "personal")] {
        let body = json!({"name": name, "value": value, "scope": scope});
        caller.send(caller.request(Method::POST, "/v1/secret/create", alice).json(&body)).await.ok();
    }
}

/// The fields of a template or job that names both secrets in every way.
fn naming() -> serde_json::Value {
    json!({"startCommand": COMMAND, "env": {"KEY": {"secret": "team"}, "OWN": {"secret": "own"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_answers_a_value_to_any_role() {
    let host = Host::start(ROOMY).await;
    let mut keys = BTreeMap::from([("none", String::new()), ("admin", host.admin.clone())]);
    for (name, user, project, role) in [
        ("alice", "alice", "vision", "member"),
        ("member", "bob", "vision", "member"),
        ("manager", "mia", "vision", "manager"),
        ("viewer", "victor", "vision", "viewer"),
        ("stranger", "alice", "speech", "member"),
    ] {
        keys.insert(name, host.key(user, project, role).await);
    }
    let alice = keys["alice"].clone();
    create_secrets(&host, &alice).await;
    let mut body = naming();
    body["name"] = json!("public");
    body["visibility"] = json!("public");
    body["parameters"] = json!([{"name": "P", "type": "string", "default": {"secret": "team"}}]);
    let request = host.request(Method::POST, "/v1/training/template/create", &alice).json(&body);
    let template = host.send(request).await.created_id();
    body["env"]["MORE"] = json!({"secret": "own"});
    let update = host.request(Method::PUT, &format!("/v1/training/template/{template}/update"), &alice);
    host.send(update.header("if-match", "1").json(&body)).await.ok();
    let request = host.request(Method::POST, "/v1/training/instance/create", &alice);
    let job = host.send(request.json(&json!({"createType": "TEMPLATE", "templateId": template}))).await.created_id();
    host.wait_for_status(&job, "Running").await;

    let query = |operation: &str| match operation {
        "diffTemplateVersions" => "?from=1&to=2",
        "searchLog" => "?q=hunter2",
        "listTemplates" => "?search=hunter2",
        other => minimal_query(other),
    };
    // What reads comes before what changes, and what deletes comes last.
    let mut all: Vec<_> = operations().collect();
    all.sort_by_key(|operation| ["GET", "PUT", "POST", "DELETE"].iter().position(|method| *method == operation.method));
    let mut calls = 0;
    for operation in &all {
        let id = match operation.path {
            path if path.contains("/template/") => template.as_str(),
            path if path.contains("/instance/") => job.as_str(),
            path if path.contains("/aidc/") => "1",
            _ => "key_00000000000000000000",
        };
        let path = operation.path.replace("{id}", id).replace("{podName}", &pod_name(&job, 0)).replace("{n}", "1");
        let path = path.replace("{storageId}", "none").replace("{name}", "team") + query(operation.id);
        let exports = ["yaml", "json", "sbatch"].map(|format| format!("{path}?format={format}"));
        let paths = if operation.id == "exportTemplate" { exports.to_vec() } else { vec![path] };
        for (name, key) in &keys {
            for (path, accept) in paths.iter().flat_map(|path| [(path, "application/json"), (path, "text/plain")]) {
                let request = host.request(operation.method.parse().unwrap(), path, key).header("accept", accept);
                let request = match minimal_body(operation.id) {
                    Some(body) => request.header("if-match", "\"2\"").json(&body),
                    None => request,
                };
                let answer = request.send().await.unwrap().bytes().await.unwrap();
                assert!(!contains_value(&answer), "{} as {name}: {}", operation.id, String::from_utf8_lossy(&answer));
                calls += 1;
            }
        }
    }
    assert!(calls > 500, "{calls}");
    let events = host.request(Method::GET, &format!("/v1/training/instance/{job}/event/list"), &host.admin);
    let events = events.send().await.unwrap().text().await.unwrap();
    assert!(!contains_value(events.as_bytes()));
}

/// Every file below a directory with a value in it.
fn files_with_values(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with_values(&entry.path()));
        } else if kind.is_file() && fs::read(entry.path()).is_ok_and(|bytes| contains_value(&bytes)) {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_of_the_server_contains_a_value_while_a_job_runs_and_afterwards() {
    let host = Host::start(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    create_secrets(&host, &alice).await;
    let mut body = naming();
    body["createType"] = json!("CUSTOM");
    let request = host.request(Method::POST, "/v1/training/instance/create", &alice);
    let job = host.send(request.json(&body)).await.created_id();
    host.wait_for_status(&job, "Running").await;
    let data = host.dir.path().join("data");
    assert_eq!(files_with_values(&data), [""; 0]);
    fs::write(data.join("jobs").join(&job).join("work/go"), "").unwrap();
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, format!("{}\n", VALUE.len()));
    assert_eq!(files_with_values(&data), [""; 0]);
    let dir = host.close().await;
    assert_eq!(files_with_values(dir.path()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_of_the_server_contains_a_value() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    daemon.terminate().await;
    let log = daemon.dir.path().join("server.log");
    let url_file = daemon.data().join("server.url");
    let mut server = daemon.second_server();
    server.env("TRAINYARD_LOG", "trace").stderr(Stdio::from(fs::File::create(&log).unwrap()));
    let mut server = server.spawn().unwrap();
    let url = until(async || fs::read_to_string(&url_file)).await;
    let caller = Caller::new(url.trim().to_owned(), daemon.admin.clone());
    let alice = caller.key("alice", "vision", "member").await;
    create_secrets(&caller, &alice).await;
    let mut body = naming();
    body["createType"] = json!("CUSTOM");
    body["startCommand"] = json!("true");
    let request = caller.request(Method::POST, "/v1/training/instance/create", &alice);
    let job = caller.send(request.json(&body)).await.created_id();
    caller.wait_for_end(&job).await;
    // Refusals must not repeat the value either.
    for body in [
        json!({"name": "team", "value": VALUE.to_owned() + "2"}),
        json!({"name": "two words", "value": VALUE}),
        json!({"name": "team", "value": VALUE, "scope": VALUE}),
        json!({"value": [VALUE]}),
    ] {
        let refused = caller.send(caller.request(Method::POST, "/v1/secret/create", &alice).json(&body)).await;
        assert!(refused.status >= 400 && !contains_value(refused.body.to_string().as_bytes()), "{}", refused.body);
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    server.wait().unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let with_value: Vec<&str> = text.lines().filter(|line| contains_value(line.as_bytes())).collect();
    assert_eq!(with_value, [""; 0]);
    assert!(text.contains("listening on"), "{text}");
}

#[tokio::test]
async fn debug_output_hides_values() {
    let host = Host::start_without_loops(ROOMY).await;
    create(&host, &host.admin, json!({"name": "team", "value": VALUE})).await.ok();
    let body: trainyard_api::secret::SecretCreate =
        serde_json::from_value(json!({"name": "team", "value": VALUE})).unwrap();
    let key = fs::read_to_string(host.dir.path().join("data/secret.key")).unwrap();
    for printed in [format!("{body:?}"), format!("{:?}", host.server), format!("{:?}", host.server.app.vault)] {
        assert!(!contains_value(printed.as_bytes()) && !printed.contains(key.trim()), "{printed}");
    }
}
