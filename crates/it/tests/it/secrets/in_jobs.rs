//! Secrets in templates and jobs: who gets which value and when, and what happens if one is missing.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_domain::{attempt::Exit, capacity::Capacity};
use trainyard_engine::{
    EngineError, Node, Resources,
    fake::{FakeEngine, Verb},
};
use trainyard_server::clock::Clock;

use super::{create, delete};
use crate::harness::{Host, ROOMY, Reply};

const CREATE_JOB: &str = "/v1/training/instance/create";
const PRINT: &str = "echo \"key=$KEY\"";

fn capacity() -> Capacity {
    Capacity { cpu_milli: 8000, memory_bytes: 8 << 30, gpus: Vec::new() }
}

fn env(name: &str) -> Value {
    json!({"KEY": {"secret": name}})
}

async fn create_job(host: &Host, key: &str, more: Value) -> Reply {
    let mut body = json!({"createType": "CUSTOM", "startCommand": PRINT});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    host.send(host.request(Method::POST, CREATE_JOB, key).json(&body)).await
}

async fn set(host: &Host, key: &str, name: &str, value: &str) {
    create(host, key, json!({"name": name, "value": value, "replace": true})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_get_the_value_and_readers_only_the_name() {
    let host = Host::start(ROOMY).await;
    set(&host, &host.admin, "wandb", "hunter2").await;
    let job = host.job(PRINT, json!({"env": env("wandb"), "resource": {"workerCount": 2}})).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail}");
    assert_eq!([host.log(&job, 0).await, host.log(&job, 1).await], ["key=hunter2\n", "key=hunter2\n"]);
    assert_eq!(detail["spec"]["env"], env("wandb"));
    assert_eq!(detail["provenance"]["env.KEY"], "request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_secret_comes_before_that_of_the_project_and_only_for_its_user() {
    let host = Host::start(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    let bob = host.key("bob", "vision", "member").await;
    set(&host, &alice, "wandb", "shared").await;
    create(&host, &bob, json!({"name": "wandb", "value": "bobs", "scope": "personal"})).await.ok();
    create(&host, &bob, json!({"name": "own", "value": "x", "scope": "personal"})).await.ok();
    for (key, expected) in [(&alice, "key=shared\n"), (&bob, "key=bobs\n")] {
        let job = create_job(&host, key, json!({"env": env("wandb")})).await.created_id();
        host.wait_for_end(&job).await;
        assert_eq!(host.log(&job, 0).await, expected);
    }
    // The admin restarts the job of bob: it still belongs to bob.
    let job = create_job(&host, &bob, json!({"env": env("own")})).await.created_id();
    host.wait_for_end(&job).await;
    host.restart(&job).await.ok();
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, "key=x\n");
    for key in [&alice, &host.admin] {
        let refused = create_job(&host, key, json!({"env": env("own")})).await;
        assert_eq!((refused.status, refused.code()), (400, "cannot_run"));
    }
}

#[tokio::test]
async fn a_missing_secret_is_named_by_the_detail_the_preview_and_the_refusal() {
    let host = Host::start_without_loops(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    let body = json!({"name": "n", "startCommand": PRINT, "env": env("wandb"), "visibility": "public",
        "parameters": [{"name": "TOKEN", "type": "string", "default": {"secret": "hf"}}]});
    let request = host.request(Method::POST, "/v1/training/template/create", &alice);
    let id = host.send(request.json(&body)).await.created_id();
    let missing = |name: &str, project: &str, user: &str| {
        format!(
            "the project {project} has no secret named {name}, and neither has {user} there; create it with \
             `trainyard secret create {name}`"
        )
    };
    let notices = |list: &Value| -> Vec<(String, String)> {
        let text = |notice: &Value, field: &str| notice[field].as_str().unwrap().to_owned();
        let list = list.as_array().unwrap().iter();
        list.filter(|notice| notice["code"] == "unknown")
            .map(|notice| (text(notice, "path"), text(notice, "message")))
            .collect()
    };
    // For each caller, the secrets of its own project count.
    for (key, project, user) in [(&alice, "vision", "alice"), (&host.admin, "default", "admin")] {
        let expected = [
            ("env.KEY".to_owned(), missing("wandb", project, user)),
            ("env.TOKEN".to_owned(), missing("hf", project, user)),
        ];
        let at = |rest: &str| format!("/v1/training/template/{id}/{rest}");
        let detail = host.send(host.request(Method::GET, &at("detail"), key)).await.ok();
        assert_eq!((&detail["runnable"], notices(&detail["warnings"])), (&json!(false), expected.to_vec()));
        let preview = host.send(host.request(Method::POST, &at("preview"), key).json(&json!({}))).await.ok();
        assert_eq!((&preview["runnable"], notices(&preview["problems"])), (&json!(false), expected.to_vec()));
        let body = json!({"createType": "TEMPLATE", "templateId": id});
        let refused = host.send(host.request(Method::POST, CREATE_JOB, key).json(&body)).await;
        let paths = ["env.KEY", "env.TOKEN"].map(|path| (path.to_owned(), "unknown".to_owned()));
        assert_eq!((refused.status, refused.code(), refused.faults()), (400, "cannot_run", paths.to_vec()));
    }
    for name in ["wandb", "hf"] {
        set(&host, &alice, name, "v").await;
    }
    let preview = host.request(Method::POST, &format!("/v1/training/template/{id}/preview"), &alice);
    let preview = host.send(preview.json(&json!({"parameterValues": {"TOKEN": {"secret": "wandb"}}}))).await.ok();
    assert_eq!(preview["runnable"], true, "{preview}");
    assert_eq!(preview["changes"], json!([{"path": "env.TOKEN", "from": {"secret": "hf"}, "to": {"secret": "wandb"}}]));
    let env = &preview["workers"][0]["env"];
    assert_eq!((&env["KEY"], &env["TOKEN"]), (&json!("<secret wandb>"), &json!("<secret wandb>")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_keeps_its_value_and_a_retry_gets_the_new_one() {
    let host = Host::start(ROOMY).await;
    set(&host, &host.admin, "wandb", "old").await;
    let command = "echo \"key=$KEY\"; until [ -e go ]; do sleep 0.05; done; echo \"still=$KEY\"; \
                   [ \"$TRAINYARD_ATTEMPT\" = 2 ]";
    let more = json!({"env": env("wandb"), "enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0});
    let job = host.job(command, more).await;
    host.wait_for_output(&job, 0, "key=old").await;
    set(&host, &host.admin, "wandb", "new").await;
    let work = host.dir.path().join("data/jobs").join(&job).join("work/go");
    std::fs::write(work, "").unwrap();
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail}");
    let log = |attempt: u32| host.log_bytes(&job, 0, if attempt == 1 { "?attempt=1" } else { "?attempt=2" });
    let logs = [log(1).await, log(2).await].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(logs, ["key=old\nstill=old\n", "key=new\nstill=new\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_has_not_started_waits_for_a_deleted_secret() {
    let host = Host::start_without_loops(ROOMY).await;
    set(&host, &host.admin, "wandb", "old").await;
    let job = host.job(PRINT, json!({"env": env("wandb")})).await;
    let other = host.job("true", json!({})).await;
    delete(&host, &host.admin, "wandb/delete").await.ok();
    host.scheduler_pass().await;
    let detail = host.detail(&job).await;
    let reason = "the project default has no secret named wandb, and neither has admin there; create it with \
                  `trainyard secret create wandb`";
    assert_eq!(detail["status"], "NotStarted");
    assert_eq!(detail["waitingFor"], json!([{"code": "WaitingForSecret", "message": reason}]));
    assert_eq!(host.detail(&other).await["status"], "Starting", "other jobs go on");
    let restarted = host.restart(&other).await;
    assert_eq!(restarted.code(), "not_ended");
    set(&host, &host.admin, "wandb", "new").await;
    host.server.start_loops();
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, "key=new\n");
    // A restart needs the secret again, and is refused like a creation.
    delete(&host, &host.admin, "wandb/delete").await.ok();
    let refused = host.restart(&job).await;
    assert_eq!((refused.status, refused.code()), (400, "cannot_run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_while_the_server_has_another_key() {
    let host = Host::start_without_loops(ROOMY).await;
    set(&host, &host.admin, "wandb", "hunter2").await;
    let job = host.job(PRINT, json!({"env": env("wandb")})).await;
    let dir = host.close().await;
    let path = dir.path().join("data/secret.key");
    let key = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let host = Host::open(dir, ROOMY).await;
    host.scheduler_pass().await;
    let waiting = host.detail(&job).await["waitingFor"][0].clone();
    assert_eq!(waiting["code"], "WaitingForSecret");
    assert!(waiting["message"].as_str().unwrap().contains("cannot be opened: secret.key"), "{waiting}");
    let dir = host.close().await;
    std::fs::write(&path, key).unwrap();
    let host = Host::open(dir, ROOMY).await;
    host.server.start_loops();
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, "key=hunter2\n");
}

/// A secret may go between the decision of the scheduler and the launch. An attempt that has started all the same runs on.
#[tokio::test]
async fn a_secret_deleted_before_the_launch_ends_only_an_attempt_that_has_not_started() {
    let engine = Arc::new(FakeEngine::new(capacity(), "/fake"));
    let config = "[[centre]]\nid = 1\nname = \"fake\"\n";
    let host = Host::open_on(&[Arc::clone(&engine)], Clock::system(), TempDir::new().unwrap(), config).await;
    for has_started in [false, true] {
        set(&host, &host.admin, "wandb", "hunter2").await;
        let job = host.job("true", json!({"env": env("wandb")})).await;
        host.scheduler_pass().await;
        if has_started {
            // The launch succeeds, but its answer is lost, as if the server had been killed.
            engine.fail_next(Verb::LaunchAnswer, EngineError::Unavailable("the answer is lost".to_owned()));
            host.runner_pass().await;
            assert_eq!(engine.launches().last().unwrap().secrets[0].1.reveal(), "hunter2");
        }
        delete(&host, &host.admin, "wandb/delete").await.ok();
        host.runner_pass().await;
        host.runner_pass().await;
        let detail = host.detail(&job).await;
        if has_started {
            assert_eq!(detail["status"], "Running", "{detail}");
            engine.finish(&job.parse().unwrap(), 1, 0, Exit::Code(0));
            host.runner_pass().await;
            assert_eq!(host.detail(&job).await["status"], "Succeeded");
        } else {
            assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("CannotStart")), "{detail}");
            assert!(detail["message"].as_str().unwrap().contains("no secret named wandb"), "{detail}");
        }
    }
}

/// An engine that places its jobs itself gets the values too, and its request names only the secrets.
#[tokio::test]
async fn an_engine_that_places_jobs_gets_the_values_beside_the_request() {
    let engine =
        Arc::new(FakeEngine::cluster(Resources::Nodes(vec![Node { name: "n1".to_owned(), capacity: capacity() }])));
    let config = "[[centre]]\nid = 1\nname = \"fake\"\n";
    let host = Host::open_on(&[Arc::clone(&engine)], Clock::system(), TempDir::new().unwrap(), config).await;
    set(&host, &host.admin, "wandb", "hunter2").await;
    host.job("true", json!({"env": env("wandb")})).await;
    host.scheduler_pass().await;
    host.runner_pass().await;
    let launch = engine.launches().pop().unwrap();
    assert_eq!(
        launch.secrets.iter().map(|(name, text)| (name.as_str(), text.reveal())).collect::<Vec<_>>(),
        [("KEY", "hunter2")]
    );
    assert_eq!(launch.request.as_ref().unwrap().spec.secrets, [("KEY".to_owned(), "wandb".to_owned())]);
    assert!(!format!("{launch:?}").contains("hunter2"));
}

#[tokio::test]
async fn plain_text_in_a_variable_named_like_a_secret_is_warned_of_everywhere() {
    let host = Host::start_without_loops(ROOMY).await;
    let env = json!({"HF_TOKEN": "hf_plain", "MODE": "x"});
    let said = |list: &Value| {
        let notices = list.as_array().unwrap().iter().filter(|notice| notice["path"] == "env.HF_TOKEN");
        notices.map(|notice| notice["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let body = json!({"name": "n", "startCommand": "true", "env": env});
    let id = host.post("/v1/training/template/create", &body).await.created_id();
    let detail = host.get(&format!("/v1/training/template/{id}/detail")).await.ok();
    let preview = host.post(&format!("/v1/training/template/{id}/preview"), &json!({})).await.ok();
    let created = host.post(CREATE_JOB, &json!({"createType": "TEMPLATE", "templateId": id})).await.ok();
    let of_job = host.detail(created["id"].as_str().unwrap()).await;
    for list in [&detail["warnings"], &preview["warnings"], &created["warnings"], &of_job["warnings"]] {
        let messages = said(list);
        assert_eq!(messages.len(), 1, "{list}");
        assert!(
            messages[0].contains("`trainyard secret create NAME`") && !messages[0].contains("hf_plain"),
            "{messages:?}"
        );
    }
    assert_eq!((&detail["runnable"], &preview["runnable"]), (&json!(true), &json!(true)));
    let quiet = host.post(CREATE_JOB, &json!({"createType": "CUSTOM", "startCommand": "true"})).await.ok();
    assert_eq!(quiet.get("warnings"), None);
}
