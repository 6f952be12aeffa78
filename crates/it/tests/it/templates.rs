//! The calls of templates: values are returned as sent, names are unique in a project, all faults are listed at once.

mod copies;
mod import_export;
mod list;
mod preview;
mod search;
mod update;
mod usage;
mod versions;

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, Reply};

const CREATE: &str = "/v1/training/template/create";
const LIST: &str = "/v1/training/template/list";

fn detail_of(id: &str) -> String {
    format!("/v1/training/template/{id}/detail")
}

/// A body with a name and further fields.
fn body(name: &str, more: Value) -> Value {
    let mut body = json!({"name": name});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn create_as(host: &Host, key: &str, body: &Value) -> Reply {
    host.send(host.request(reqwest::Method::POST, CREATE, key).json(body)).await
}

#[tokio::test]
async fn values_are_returned_as_sent_without_nulls_and_server_fields() {
    let host = Host::start_without_loops(ROOMY).await;
    let same = |value: Value| (value.clone(), value);
    for (index, (sent, returned)) in [
        same(json!({"resource": {"cpuCores": "1", "memoryGB": 2, "gpuCount": "0", "workerCount": 3, "rack": [1.5, null]}})),
        same(json!({"env": {"TEXT": "", "NUMBER": -1.5, "LARGE": u64::MAX, "TRUTH": false, "名字": "值", "a.b": "c"}})),
        same(json!({"storageConfigs": [{"mountPath": "/a/", "note": {"deep": [null]}}, {"mountPath": "/b"}]})),
        same(json!({"startCommand": "printf 'a\\tb' \"$X\"\n# ü\n", "desc": "line\nbreak", "priority": 1})),
        same(json!({"maxRetryCount": 0, "enableAutoRetry": false, "timeoutHours": 0, "enableTimeoutCancel": false})),
        same(json!({"labels": {}, "locked": [], "env": {}, "resource": {}, "storageConfigs": []})),
        (json!({"desc": null, "env": {"A": null, "B": "b"}, "labels": null}), json!({"env": {"B": "b"}})),
        (
            json!({"env": {"empty": true}, "resource": {"empty": false}, "storageConfigs": [{"mountPath": "/a", "empty": true}]}),
            json!({"env": {}, "resource": {}, "storageConfigs": [{"mountPath": "/a"}]}),
        ),
        same(json!({"env": {"empty": "yes"}, "resource": {"empty": 0}})),
        (json!({"id": "tpl_1", "version": 7, "createBy": "eve", "runnable": true, "warnings": []}), json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("values {index}");
        let id = host.post(CREATE, &body(&name, sent)).await.created_id();
        let mut detail = host.get(&detail_of(&id)).await.ok();
        let record = detail.as_object_mut().unwrap();
        for (field, value) in body(&name, returned).as_object().unwrap() {
            assert_eq!(record.remove(field).as_ref(), Some(value), "{field} of {name}");
        }
        let added = [
            "id", "version", "latestVersion", "revision", "project", "archived", "createBy", "jobsMade", "runnable",
            "warnings", "usage",
        ];
        record.retain(|field, _| !added.contains(&field.as_str()) && !field.contains("Time"));
        assert!(record.is_empty(), "{name}: unexpected fields {record:?}");
    }
}

#[tokio::test]
async fn the_answer_to_a_create_is_as_published_and_has_a_location() {
    let host = Host::start_without_loops(ROOMY).await;
    let reply = host.post(CREATE, &json!({"name": "n"})).await;
    assert_eq!(reply.body, json!({"status": 200, "message": "OK", "data": {}}));
    let id = reply.created_id();
    let digits = id.strip_prefix("tpl_").unwrap();
    assert!(digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    assert_eq!(host.get(reply.headers["location"].to_str().unwrap()).await.ok()["id"], id);
}

#[tokio::test]
async fn a_repeated_create_creates_nothing_new() {
    let host = Host::start_without_loops(ROOMY).await;
    let first = json!({"name": "Café", "desc": "d", "env": {"A": "1", "B": 2}, "labels": {"x": "y"}});
    let id = host.post(CREATE, &first).await.created_id();
    for (case, same) in [
        ("unchanged", first.clone()),
        (
            "another order of members",
            json!({"labels": {"x": "y"}, "env": {"B": 2, "A": "1"}, "desc": "d", "name": "Café"}),
        ),
        (
            "null for an omitted field",
            body("Café", json!({"desc": "d", "env": {"A": "1", "B": 2}, "labels": {"x": "y"}, "image": null})),
        ),
        (
            "the name in other code points",
            body("Cafe\u{301}", json!({"desc": "d", "env": {"A": "1", "B": 2}, "labels": {"x": "y"}})),
        ),
    ] {
        assert_eq!(host.post(CREATE, &same).await.created_id(), id, "{case}");
    }
    let page = host.get(LIST).await.ok();
    assert_eq!((&page["totalRows"], &page["records"][0]["revision"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn the_longest_name_is_returned_in_the_code_points_that_were_sent() {
    let host = Host::start_without_loops(ROOMY).await;
    let name = "e\u{301}".repeat(128);
    let id = host.post(CREATE, &json!({"name": name})).await.created_id();
    assert_eq!(host.get(&detail_of(&id)).await.ok()["name"], name);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creates_create_one_template() {
    let host = Host::start_without_loops(ROOMY).await;
    let body = json!({"name": "rush", "priority": 3});
    let replies = futures_util::future::join_all((0..20).map(|_| host.post(CREATE, &body))).await;
    let ids: std::collections::BTreeSet<_> = replies.iter().map(Reply::created_id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 1);
}

#[tokio::test]
async fn a_name_with_other_content_is_a_conflict_that_names_only_visible_templates() {
    let host = Host::start_without_loops(ROOMY).await;
    let bob = host.key("bob", "vision", "member").await;
    let carol = host.key("carol", "vision", "member").await;
    let shared = create_as(&host, &bob, &json!({"name": "shared"})).await.created_id();
    let private = body("private", json!({"visibility": "private"}));
    create_as(&host, &bob, &private).await.ok();

    for (case, sent, existing) in [
        ("another priority", body("shared", json!({"priority": 1})), Some(&shared)),
        ("another description", body("shared", json!({"desc": "d"})), Some(&shared)),
        ("another visibility", body("shared", json!({"visibility": "public"})), Some(&shared)),
        ("hidden template, other content", json!({"name": "private"}), None),
        ("hidden template, same content", private.clone(), None),
    ] {
        let reply = create_as(&host, &carol, &sent).await;
        assert_eq!((reply.status, reply.code()), (409, "name_taken"), "{case}");
        assert_eq!(reply.body["data"]["id"].as_str(), existing.map(String::as_str), "{case}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains("update") && message.contains("copy"), "{message}");
    }
    // Another project may use the same name.
    let speech = host.key("dora", "speech", "member").await;
    create_as(&host, &speech, &json!({"name": "shared"})).await.ok();
}

#[tokio::test]
async fn all_faults_of_a_body_are_listed_at_once_each_with_its_path() {
    let host = Host::start_without_loops(ROOMY).await;
    let reply = host
        .post(
            CREATE,
            &json!({
                "name": " x", "trainingFramework": "MPI", "trainingType": "PRETRAINING", "aidcId": "2",
                "env": {"A": [], "B=": "1"}, "resource": {"gpuCount": -1, "workerCount": 0},
                "storageConfigs": [{"mountPath": "relative"}, {}], "priority": 4, "enableAutoRetry": true,
                "maxRetryCount": 101, "startCommand": "a\u{0}b"
            }),
        )
        .await;
    assert_eq!((reply.status, reply.code()), (400, "bad_body"));
    let mut faults = reply.faults();
    faults.sort();
    let expected = [
        ("aidcId", "wrong_type"),
        ("env.A", "wrong_type"),
        ("env[\"B=\"]", "malformed"),
        ("maxRetryCount", "out_of_range"),
        ("name", "malformed"),
        ("priority", "out_of_range"),
        ("resource.gpuCount", "out_of_range"),
        ("resource.workerCount", "out_of_range"),
        ("startCommand", "malformed"),
        ("storageConfigs[0].mountPath", "malformed"),
        ("storageConfigs[1].mountPath", "required"),
        ("trainingFramework", "unknown_field"),
        ("trainingType", "not_a_choice"),
    ];
    assert_eq!(faults, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let text = reply.body.to_string();
    assert!(text.contains("`trainingFramwork`") && text.contains("`PRE_TRAINING`"), "{text}");
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 0);
}

#[tokio::test]
async fn the_detail_says_whether_the_template_is_runnable_and_lists_warnings() {
    let host = Host::start_without_loops(ROOMY).await;
    for (index, (more, runnable, expected)) in [
        (json!({"startCommand": "true"}), true, &[][..]),
        (json!({}), false, &[("startCommand", "required")]),
        (json!({"startCommand": "true", "aidcId": 2}), false, &[("aidcId", "unknown")]),
        (json!({"startCommand": "true", "resource": {"gpuCount": 9}}), false, &[("resource.gpuCount", "never_fits")]),
        (json!({"startCommand": "true", "resource": {"gpucount": 1}}), true, &[("resource.gpucount", "suspicious")]),
        (
            json!({"startCommand": "true", "resource": {"productCode": "X"}}),
            false,
            &[("resource.productCode", "unknown")],
        ),
        (
            json!({"startCommand": "true", "resource": {"productCode": "X", "cpuCores": 1, "memoryGB": 1}}),
            true,
            &[("resource.productCode", "unknown")],
        ),
        (
            json!({"startCommand": "true", "trainingFramwork": "PyTorch", "env": {"MASTER_PORT": "1"}}),
            false,
            &[("env.MASTER_PORT", "reserved")],
        ),
        (
            json!({"startCommand": "true", "image": "x", "storageConfigs": [{"mountPath": "/a"}]}),
            false,
            &[("storageConfigs[\"/a\"].storageId", "required"), ("image", "not_supported")],
        ),
        (json!({"startCommand": "true", "required": ["env.A"]}), false, &[("env.A", "required")]),
    ]
    .into_iter()
    .enumerate()
    {
        let id = host.post(CREATE, &body(&format!("n{index}"), more.clone())).await.created_id();
        let detail = host.get(&detail_of(&id)).await.ok();
        let warnings = detail["warnings"].as_array().unwrap().iter();
        let found: Vec<_> = warnings.map(|w| (w["path"].as_str().unwrap(), w["code"].as_str().unwrap())).collect();
        assert_eq!((detail["runnable"].as_bool(), found.as_slice()), (Some(runnable), expected), "{more}");
    }
}

#[tokio::test]
async fn a_deleted_template_frees_its_name_and_leaves_its_jobs_unchanged() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n", "startCommand": "true", "priority": 3})).await.created_id();
    let from = json!({"createType": "TEMPLATE", "templateId": id});
    let job = host.post("/v1/training/instance/create", &from).await.created_id();
    let before = host.detail(&job).await;

    let delete = format!("/v1/training/template/{id}/delete");
    assert_eq!(host.delete(&delete).await.ok(), json!({}));
    assert_eq!(host.get(&detail_of(&id)).await.code(), "not_found");
    assert_eq!(host.delete(&delete).await.code(), "not_found");
    let refused = host.post("/v1/training/instance/create", &from).await;
    assert_eq!(refused.faults(), [("templateId".to_owned(), "unknown".to_owned())]);
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 0);
    assert_eq!(host.detail(&job).await, before);
    assert_eq!(before["templateId"], id);

    let next = host.post(CREATE, &json!({"name": "n"})).await.created_id();
    assert_ne!(next, id);
}
