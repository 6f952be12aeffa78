//! Every operation succeeds as documented, in every media type.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use trainyard_domain::job_spec::FIELDS;

use crate::{
    contract::{Answer, documented},
    harness::{Host, Reply, pod_name},
};

/// A centre that has a value for every field.
const FULL: &str = r#"
[[centre]]
id = 1
name = "this machine"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "NVIDIA-L40S-PCIE-48G", count = 8 }] }
[[centre.storage]]
id = "11111111-2222-3333-4444-555555555555"
type = "nas-capacity"
path = "/data/nas"
[[centre.product]]
code = "PRD-QTT"
name = "量子训练"
cpu_cores = 1
memory_gb = 2
gpu_name = "NVIDIA-L40S-PCIE-48G"
gpu_count = 1
price = "0.0002B"
"#;

/// The successful answers that occurred.
#[derive(Default)]
struct Seen(BTreeSet<Answer>);

impl Seen {
    fn note(&mut self, reply: Reply) -> Reply {
        assert_eq!(reply.status, 200, "{}", reply.body);
        self.0.extend(reply.answer.clone());
        reply
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_can_be_called() {
    let host = Host::start(FULL).await;
    let mut seen = Seen::default();
    system(&host, &mut seen).await;
    templates(&host, &mut seen).await;
    jobs(&host, &mut seen).await;
    keys(&host, &mut seen).await;
    storages(&host, &mut seen).await;
    secrets(&host, &mut seen).await;
    let successes: BTreeSet<_> = documented().into_iter().filter(|answer| answer.status == 200).collect();
    let never: Vec<_> = successes.difference(&seen.0).collect();
    assert!(never.is_empty(), "documented but never returned: {never:#?}");
}

async fn storages(host: &Host, seen: &mut Seen) {
    let dir = host.dir.path().join("nas");
    std::fs::create_dir(&dir).unwrap();
    let body = json!({"storageType": "nas-performance", "path": dir, "readOnly": true, "name": "sets"});
    let created = seen.note(host.post("/v1/aidc/1/storage/create", &body).await).ok();
    seen.note(host.get("/v1/aidc/1/storage/list").await);
    let id = created["storageId"].as_str().unwrap();
    seen.note(host.delete(&format!("/v1/aidc/1/storage/{id}/delete")).await);
}

async fn secrets(host: &Host, seen: &mut Seen) {
    let body = json!({"name": "wandb", "value": "hunter2", "scope": "personal", "replace": true});
    let created = seen.note(host.post("/v1/secret/create", &body).await).ok();
    let list = seen.note(host.get("/v1/secret/list").await).ok();
    assert_eq!(list["records"], json!([created]));
    seen.note(host.delete("/v1/secret/wandb/delete?scope=personal").await);
}

async fn system(host: &Host, seen: &mut Seen) {
    for path in ["/healthz", "/readyz"] {
        seen.note(host.send(host.request(Method::GET, path, "")).await);
    }
    for path in ["/v1/aidc/list", "/v1/product/list-for-training-task", "/v1/training/instance/checkIsEnabled"] {
        seen.note(host.get(path).await);
    }
}

async fn templates(host: &Host, seen: &mut Seen) {
    let body = json!({
        "name": "full", "desc": "all of it", "aidcId": 1, "trainingType": "HPC", "trainingFramwork": "MPI",
        "imageType": "private", "image": "registry.example/mpi:5", "env": {"A": "1", "B": 2, "C": true},
        "resource": {"cpuCores": "1", "workerCount": 2, "rack": {"row": [1, null]}}, "enableAutoRetry": true,
        "storageConfigs": [{"storageId": "11111111-2222-3333-4444-555555555555", "mountPath": "/data", "note": 1}],
        "maxRetryCount": 1, "enableTimeoutCancel": true, "timeoutHours": 1, "startCommand": "mpirun ./solve",
        "priority": 3, "labels": {"team": "vision"}, "visibility": "public", "workDir": "/tmp",
        "retryDelaySeconds": 1, "timeoutSeconds": 60, "stopGraceSeconds": 1, "locked": ["image"],
        "required": ["startCommand"], "parameters": [
            {"name": "EPOCHS", "type": "integer", "default": 3, "minimum": 1, "maximum": 9, "description": "rounds"},
            {"name": "MODE", "type": "choice", "choices": ["a", "b"], "required": false}],
    });
    for field in FIELDS {
        assert!(body.get(field.name).is_some(), "the full template has no {}", field.name);
    }
    let id = seen.note(host.post("/v1/training/template/create", &body).await).created_id();
    seen.note(host.get("/v1/training/template/list").await);
    seen.note(host.get("/v1/training/template/name-available?name=free").await);
    let detail = seen.note(host.get(&format!("/v1/training/template/{id}/detail")).await).ok();
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&detail[field], value, "{field}");
    }
    let update = host.request(Method::PUT, &format!("/v1/training/template/{id}/update"), &host.admin);
    seen.note(host.send(update.header("if-match", "\"1\"").json(&json!({"name": "less"}))).await);
    for path in ["version/list", "version/1/detail", "diff?from=1&to=2", "export?format=sbatch"] {
        seen.note(host.get(&format!("/v1/training/template/{id}/{path}")).await);
    }
    for (path, body) in [
        ("preview", json!({"parameterValues": {"MODE": "a"}, "image": null})),
        ("default-version", json!({"version": 1})),
        ("copy", json!({"name": "copy of it", "version": 2})),
        ("archive", json!({})),
        ("unarchive", json!({})),
    ] {
        seen.note(host.post(&format!("/v1/training/template/{id}/{path}"), &body).await);
    }
    let script = "#!/bin/bash\n#SBATCH -J moved -N2 --qos=high\ntrue\n";
    seen.note(host.post("/v1/training/template/import", &json!({"text": script})).await);
    seen.note(host.delete(&format!("/v1/training/template/{id}/delete")).await);
}

async fn jobs(host: &Host, seen: &mut Seen) {
    let body = json!({"createType": "CUSTOM", "name": "two", "startCommand": "echo $TRAINYARD_RANK; exit 3",
        "resource": {"workerCount": 2}, "labels": {"team": "vision"}, "env": {"A": 1}});
    let created = seen.note(host.post("/v1/training/instance/create", &body).await);
    let job = created.created_id();
    assert_eq!(created.ok()["id"], job);
    let at = |rest: &str| format!("/v1/training/instance/{job}/{rest}");
    host.wait_for_end(&job).await;
    let worker = pod_name(&job, 1);
    for path in [
        "detail",
        "pod/list",
        "event/list",
        &format!("{worker}/basic"),
        &format!("{worker}/log"),
        &format!("{worker}/log/search?q=1"),
        &format!("{worker}/open-port/list"),
    ] {
        seen.note(host.get(&at(path)).await);
    }
    seen.note(host.get("/v1/training/instance/list").await);
    for (path, kind) in [
        ("event/list", "text/event-stream"),
        (&format!("{worker}/log"), "text/event-stream"),
        (&format!("{worker}/log"), "text/plain"),
    ] {
        let request = host.request(Method::GET, &at(path), &host.admin).header("accept", kind);
        let answer = seen.note(host.send(request).await).answer.unwrap();
        assert_eq!(answer.kind, kind);
    }
    seen.note(host.send(host.request(Method::POST, &at("restart"), &host.admin)).await);
    host.wait_for_end(&job).await;
    seen.note(host.send(host.request(Method::POST, &at("stop"), &host.admin)).await);
    let long = host.job("exec sleep 1000", json!({})).await;
    let limit = host.request(Method::PUT, &format!("/v1/training/instance/{long}/timeout"), &host.admin);
    seen.note(host.send(limit.json(&json!({"timeoutSeconds": 60}))).await);
    seen.note(host.post(&at("save-as-template"), &json!({"name": "two, saved"})).await);
    seen.note(host.delete(&at("delete")).await);
}

async fn keys(host: &Host, seen: &mut Seen) {
    let body = json!({"name": "nightly", "user": "alice", "project": "vision", "role": "member",
        "expires": "2999-01-01 00:00:00"});
    let created = seen.note(host.post("/v1/api-key/create", &body).await).ok();
    seen.note(host.get("/v1/api-key/list").await);
    seen.note(host.delete(&format!("/v1/api-key/{}/delete", created["id"].as_str().unwrap())).await);
}
