//! Updates: no silent overwrite, and the rules for `version` and `revision`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, body, detail_of};
use crate::harness::{Host, ROOMY, Reply};

pub(super) async fn update(host: &Host, id: &str, revision: i64, body: &Value) -> Reply {
    let request = host.request(Method::PUT, &format!("/v1/training/template/{id}/update"), &host.admin);
    host.send(request.header("if-match", format!("\"{revision}\"")).json(body)).await
}

#[tokio::test]
async fn revision_counts_every_change_and_version_only_changes_of_content() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n"})).await.created_id();
    let mut revision = 1;
    for (more, version, next) in [
        (json!({"priority": 1}), 2, 2),
        (json!({"priority": 1, "env": {}}), 3, 3),
        (json!({"env": {}, "priority": 1, "image": null}), 3, 3),
        (json!({"env": {}, "priority": 1, "desc": "said"}), 3, 4),
        (json!({"env": {}, "priority": 1, "desc": "said", "labels": {"a": "b"}}), 3, 5),
        (json!({"env": {}, "priority": 1, "desc": "said", "visibility": "public"}), 3, 6),
        (json!({"env": {}, "priority": 1, "desc": "said"}), 3, 6),
        (json!({}), 4, 7),
    ] {
        let answer = update(&host, &id, revision, &body("n", more.clone())).await.ok();
        assert_eq!(answer, json!({"version": version, "revision": next}), "{more}");
        revision = next;
    }
    let renamed = update(&host, &id, revision, &json!({"name": "m"})).await.ok();
    assert_eq!(renamed, json!({"version": 4, "revision": 8}), "a new name creates no version");
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!((&detail["name"], &detail["version"], &detail["revision"]), (&json!("m"), &json!(4), &json!(8)));
}

#[tokio::test]
async fn omitted_published_fields_are_unset_and_our_own_keep_their_value() {
    let host = Host::start_without_loops(ROOMY).await;
    let ours = json!({
        "labels": {"team": "vision"}, "visibility": "public", "workDir": "/tmp", "retryDelaySeconds": 1,
        "timeoutSeconds": 2, "stopGraceSeconds": 3, "parameters": [{"name": "P", "type": "string"}],
        "locked": ["image"], "required": ["startCommand"]
    });
    let mut full = body("n", ours.clone());
    full["desc"] = json!("d");
    full["image"] = json!("i");
    full["env"] = json!({"A": "1"});
    let id = host.post(CREATE, &full).await.created_id();

    update(&host, &id, 1, &json!({"name": "n"})).await.ok();
    let detail = host.get(&detail_of(&id)).await.ok();
    for (field, value) in ours.as_object().unwrap() {
        assert_eq!(&detail[field], value, "{field}");
    }
    for field in ["desc", "image", "env"] {
        assert!(detail.get(field).is_none(), "{field}");
    }
    // Our own fields change if the body has them.
    update(&host, &id, 2, &body("n", json!({"labels": {"a": "b"}, "visibility": null, "locked": null}))).await.ok();
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!(detail["labels"], json!({"a": "b"}));
    assert!(detail.get("visibility").is_none() && detail.get("locked").is_none());
    assert_eq!(detail["workDir"], "/tmp");
}

#[tokio::test]
async fn writing_back_a_detail_changes_nothing() {
    let host = Host::start_without_loops(ROOMY).await;
    let id =
        host.post(CREATE, &json!({"name": "n", "priority": 2, "labels": {"a": "b"}, "aidcId": 7})).await.created_id();
    let read = host.get(&detail_of(&id)).await.ok();
    assert_eq!(update(&host, &id, 1, &read).await.ok(), json!({"version": 1, "revision": 1}));
    assert_eq!(host.get(&detail_of(&id)).await.ok(), read);
    // The detail can also be created as a new template under another name.
    let mut copy = read.clone();
    copy["name"] = json!("m");
    assert_ne!(host.post(CREATE, &copy).await.created_id(), id);
}

#[tokio::test]
async fn without_the_current_revision_nothing_is_overwritten() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n"})).await.created_id();
    update(&host, &id, 1, &json!({"name": "n", "priority": 1})).await.ok();
    let path = format!("/v1/training/template/{id}/update");
    // Whatever the body contains: a caller that must read again first needs no list of faults.
    for faulty in [false, true] {
        let body = if faulty { json!({"nam": 1}) } else { json!({"name": "n"}) };
        for (headers, status, code) in [
            (&[][..], 428, "revision_required"),
            (&["\"1\""], 412, "stale_revision"),
            (&["1"], 412, "stale_revision"),
            (&["\"3\""], 412, "stale_revision"),
            (&["\"x\""], 400, "bad_header"),
            (&["*"], 400, "bad_header"),
            (&["W/\"2\""], 400, "bad_header"),
            (&["\"2\", \"3\""], 400, "bad_header"),
            (&["\"2\"", "\"2\""], 400, "bad_header"),
            (&["\"+2\""], 400, "bad_header"),
            (&["0"], 400, "bad_header"),
            (&["-1"], 400, "bad_header"),
            (&["99999999999999999999"], 400, "bad_header"),
            (&[""], 400, "bad_header"),
        ] {
            let request = host.request(Method::PUT, &path, &host.admin).json(&body);
            let request = headers.iter().fold(request, |request, value| request.header("if-match", *value));
            let reply = host.send(request).await;
            assert_eq!((reply.status, reply.code()), (status, code), "{headers:?}");
            if status == 412 {
                assert_eq!(reply.body["data"]["revision"], 2, "{headers:?}");
            }
        }
    }
    assert_eq!(host.get(&detail_of(&id)).await.ok()["revision"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_concurrent_updates_succeeds() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = host.post(CREATE, &json!({"name": "n"})).await.created_id();
    let bodies: Vec<_> = (0..10).map(|n| json!({"name": "n", "desc": format!("writer {n}")})).collect();
    let replies = futures_util::future::join_all(bodies.iter().map(|body| update(&host, &id, 1, body))).await;
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(host.get(&detail_of(&id)).await.ok()["revision"], 2);
}

#[tokio::test]
async fn a_template_cannot_take_the_name_of_another() {
    let host = Host::start_without_loops(ROOMY).await;
    let one = host.post(CREATE, &json!({"name": "one"})).await.created_id();
    let two = host.post(CREATE, &json!({"name": "two"})).await.created_id();
    let reply = update(&host, &two, 1, &json!({"name": "one"})).await;
    assert_eq!((reply.status, reply.code(), &reply.body["data"]["id"]), (409, "name_taken", &json!(one)));
    let faulty = update(&host, &two, 1, &json!({"nam": "x", "priority": 9})).await;
    assert_eq!((faulty.status, faulty.faults().len()), (400, 3), "{}", faulty.body);
    assert_eq!(host.get(&detail_of(&two)).await.ok()["name"], "two");
}
