//! Copies of templates, jobs saved as templates, and the archive.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, create_as, detail_of, update::update};
use crate::harness::{Host, ROOMY, Reply};

const JOBS: &str = "/v1/training/instance/create";

async fn post_as(host: &Host, key: &str, path: &str, body: &Value) -> Reply {
    host.send(host.request(Method::POST, path, key).json(body)).await
}

#[tokio::test]
async fn a_copy_has_the_same_content_and_belongs_to_its_creator() {
    let host = Host::start_without_loops(ROOMY).await;
    let bob = host.key("bob", "speech", "member").await;
    let body = json!({"name": "n", "desc": "d", "labels": {"a": "b"}, "visibility": "public", "startCommand": "one",
        "env": {"Z": 1, "A": "2"}, "parameters": [{"name": "P", "type": "string"}], "locked": ["image"]});
    let id = host.post(CREATE, &body).await.created_id();
    update(&host, &id, 1, &json!({"name": "n", "desc": "d", "startCommand": "two"})).await.ok();
    let copy = format!("/v1/training/template/{id}/copy");

    let first = post_as(&host, &bob, &copy, &json!({"name": "mine", "version": 1})).await.created_id();
    let detail = host.get(&detail_of(&first)).await.ok();
    for field in ["desc", "labels", "startCommand", "env", "parameters", "locked"] {
        assert_eq!(detail[field], body[field], "{field}");
    }
    assert!(detail.get("visibility").is_none(), "the creator of the copy chooses its visibility");
    assert_eq!((&detail["createBy"], &detail["project"]), (&json!("bob"), &json!("speech")));
    assert_eq!((&detail["version"], &detail["revision"]), (&json!(1), &json!(1)));
    let versions = host.get(&format!("/v1/training/template/{first}/version/list")).await.ok();
    assert_eq!(versions["records"][0]["comment"], format!("copy of {id} v1"));

    let latest = post_as(&host, &bob, &copy, &json!({"name": "latest", "visibility": "private"})).await.created_id();
    let detail = host.get(&detail_of(&latest)).await.ok();
    assert_eq!((&detail["startCommand"], &detail["visibility"]), (&json!("two"), &json!("private")));

    let again = post_as(&host, &bob, &copy, &json!({"name": "mine", "version": 1.0})).await.created_id();
    assert_eq!(again, first, "a repeated copy creates nothing new");
    for (body, status, code) in [
        (json!({"name": "mine"}), 409, "name_taken"),
        (json!({}), 400, "bad_body"),
        (json!({"name": " x"}), 400, "bad_body"),
        (json!({"name": "x", "version": 9}), 404, "not_found"),
        (json!({"name": "x", "version": 0, "visibility": "all", "more": 1}), 400, "bad_body"),
    ] {
        let reply = post_as(&host, &bob, &copy, &body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{body}");
    }
    let all = post_as(&host, &bob, &copy, &json!({"name": 1, "version": 0, "visibility": "all", "more": 1})).await;
    assert_eq!(all.faults().len(), 4, "all faults at once: {}", all.body);
}

#[tokio::test]
async fn a_job_saved_as_a_template_creates_the_same_job_again() {
    let config = r#"
[[centre]]
id = 1
name = "this machine"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "L40S", count = 8 }] }
[[centre.product]]
code = "ONE"
name = "one"
cpu_cores = 2
memory_gb = 4
gpu_count = 1
"#;
    let host = Host::start_without_loops(config).await;
    let template = json!({"name": "n", "startCommand": "train", "env": {"A": "1"}, "labels": {"team": "x"},
        "resource": {"productCode": "ONE"}, "parameters": [{"name": "N", "type": "integer", "default": 1}]});
    let id = host.post(CREATE, &template).await.created_id();
    let request = json!({"createType": "TEMPLATE", "templateId": id, "env": {"B": 2}, "parameterValues": {"N": 5},
        "resource": {"workerCount": 3}, "priority": 3});
    let job = host.post(JOBS, &request).await.created_id();
    let save = format!("/v1/training/instance/{job}/save-as-template");
    let saved = host.post(&save, &json!({"name": "as it worked"})).await.created_id();
    let detail = host.get(&detail_of(&saved)).await.ok();
    assert_eq!(detail["env"], json!({"A": "1", "B": 2, "N": 5}));
    assert_eq!(detail["resource"], json!({"productCode": "ONE", "workerCount": 3}));
    assert_eq!((&detail["priority"], &detail["labels"]), (&json!(3), &json!({"team": "x"})));
    for field in ["aidcId", "stopGraceSeconds", "storageConfigs", "enableAutoRetry", "parameters"] {
        assert!(detail.get(field).is_none(), "unexpected {field}");
    }
    let again = host.post(JOBS, &json!({"createType": "TEMPLATE", "templateId": saved})).await.created_id();
    let (before, after) = (host.detail(&job).await, host.detail(&again).await);
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(
        host.post(&save, &json!({"name": "as it worked"})).await.created_id(),
        saved,
        "a repeated save returns the same template"
    );
    assert_eq!(host.post(&save, &json!({"name": "n"})).await.code(), "name_taken");
}

#[tokio::test]
async fn an_archived_template_is_used_only_by_its_id() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "true"})).await.created_id();
    let archive = |word: &str| format!("/v1/training/template/{id}/{word}");
    assert_eq!(host.post(&archive("archive"), &json!({})).await.ok(), json!({}));
    host.post(&archive("archive"), &json!({})).await.ok();
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!(
        (&detail["revision"], &detail["version"]),
        (&json!(2), &json!(1)),
        "one new revision and no new version"
    );
    host.post(JOBS, &json!({"createType": "TEMPLATE", "templateId": id})).await.ok();
    // An archived template still has its name.
    let other = create_as(&host, &host.admin, &json!({"name": "n", "startCommand": "false"})).await;
    assert_eq!((other.code(), &other.body["data"]["id"]), ("name_taken", &json!(id)));
    host.post(&archive("unarchive"), &json!({})).await.ok();
    host.post(&archive("unarchive"), &json!({})).await.ok();
    assert_eq!(host.get(&detail_of(&id)).await.ok()["revision"], 3);
}
