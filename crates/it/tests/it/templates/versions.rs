//! Versions: none ever changes, any can become the default again, and differences are listed by path.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, detail_of, update::update};
use crate::harness::{Host, ROOMY};

fn at(id: &str, rest: &str) -> String {
    format!("/v1/training/template/{id}/{rest}")
}

/// Creates a template with three versions of two authors.
async fn three(host: &Host) -> String {
    let first = json!({"name": "n", "startCommand": "one", "priority": 1, "comment": "begun"});
    let id = host.post(CREATE, &first).await.created_id();
    let second = json!({"name": "n", "startCommand": "two", "priority": 1});
    update(host, &id, 1, &second).await.ok();
    let bob = host.key("bob", "default", "manager").await;
    let third = json!({"name": "n", "startCommand": "three", "env": {"A": 1}, "comment": "faster"});
    let request = host.request(Method::PUT, &at(&id, "update"), &bob).header("if-match", "2");
    host.send(request.json(&third)).await.ok();
    id
}

#[tokio::test]
async fn every_change_of_content_is_stored_with_its_author_and_comment() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = three(&host).await;
    // A change of descriptive fields creates no version, whatever the comment says.
    let described = json!({"name": "m", "startCommand": "three", "env": {"A": 1}, "desc": "d", "comment": "renamed"});
    update(&host, &id, 3, &described).await.ok();

    let page = host.get(&at(&id, "version/list")).await.ok();
    assert_eq!(page["totalRows"], 3);
    let line = |row: &Value| {
        (row["version"].as_u64().unwrap(), row["createBy"].clone(), row["comment"].clone(), row["isDefault"] == true)
    };
    let rows: Vec<_> = page["records"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        rows,
        [
            (3, json!("bob"), json!("faster"), true),
            (2, json!("admin"), Value::Null, false),
            (1, json!("admin"), json!("begun"), false)
        ]
    );
    let second_page = host.get(&at(&id, "version/list?pageSize=1&pageNo=2")).await.ok();
    assert_eq!((&second_page["totalRows"], &second_page["records"][0]["version"]), (&json!(3), &json!(2)));

    let first = host.get(&at(&id, "version/1/detail")).await.ok();
    assert_eq!((&first["startCommand"], &first["priority"], &first["version"]), (&json!("one"), &json!(1), &json!(1)));
    assert_eq!((&first["name"], &first["desc"], &first["id"]), (&json!("m"), &json!("d"), &json!(id)));
    assert!(first.get("env").is_none());
}

#[tokio::test]
async fn differences_are_listed_by_path() {
    let host = Host::start_without_loops(ROOMY).await;
    let body = |mounts: Value, parameters: Value, more: Value| {
        let mut body = json!({"name": "n", "storageConfigs": mounts, "parameters": parameters});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let id = host
        .post(
            CREATE,
            &body(
                json!([{"mountPath": "/a", "onlyRead": true}, {"mountPath": "/b"}]),
                json!([{"name": "N", "type": "integer", "default": 1}, {"name": "M", "type": "string"}]),
                json!({"env": {"A": "1", "a.b": 2}, "resource": {"rack": {"row": [1, null]}}, "image": "i"}),
            ),
        )
        .await
        .created_id();
    let second = body(
        json!([{"mountPath": "/b"}, {"mountPath": "/a", "onlyRead": false}, {"mountPath": "/c"}]),
        json!([{"name": "M", "type": "string"}, {"name": "N", "type": "integer", "default": 2}]),
        json!({"env": {"A": 1, "a.b": 2}, "resource": {"rack": {"row": [1]}}, "locked": ["image"]}),
    );
    update(&host, &id, 1, &second).await.ok();
    let diff = host.get(&at(&id, "diff?from=1&to=2")).await.ok();
    let expected = json!([
        {"path": "env.A", "from": "1", "to": 1},
        {"path": "image", "from": "i"},
        {"path": "locked", "to": ["image"]},
        {"path": "parameters[\"N\"].default", "from": 1, "to": 2},
        {"path": "resource.rack.row", "from": [1, null], "to": [1]},
        {"path": "storageConfigs[\"/a\"].onlyRead", "from": true, "to": false},
        {"path": "storageConfigs[\"/c\"].mountPath", "to": "/c"},
    ]);
    assert_eq!(diff["changes"], expected);
    let back = host.get(&at(&id, "diff?from=2&to=1")).await.ok();
    assert_eq!(back["changes"][0], json!({"path": "env.A", "from": 1, "to": "1"}));
    assert_eq!(host.get(&at(&id, "diff?from=2&to=2")).await.ok(), json!({"changes": []}));
}

#[tokio::test]
async fn the_default_can_move_back_and_no_version_number_is_reused() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = three(&host).await;
    let set = async |version: Value| host.post(&at(&id, "default-version"), &json!({"version": version})).await;
    set(json!(1)).await.ok();
    let detail = host.get(&detail_of(&id)).await.ok();
    assert_eq!((&detail["version"], &detail["revision"]), (&json!(1), &json!(4)));
    assert_eq!((&detail["startCommand"], detail.get("env")), (&json!("one"), None));
    set(json!(1.0)).await.ok();
    assert_eq!(host.get(&detail_of(&id)).await.ok()["revision"], 4, "1.0 is version 1, which is the default already");

    // A job created now uses the default version and is not affected by later versions.
    let job = host.post("/v1/training/instance/create", &json!({"createType": "TEMPLATE", "templateId": id})).await;
    let job = host.detail(&job.created_id()).await;
    assert_eq!((&job["templateVersion"], &job["spec"]["startCommand"]), (&json!(1), &json!("one")));

    let next = update(&host, &id, 4, &json!({"name": "n", "startCommand": "four"})).await.ok();
    assert_eq!(next, json!({"version": 4, "revision": 5}));
    let again = update(&host, &id, 5, &json!({"name": "n", "startCommand": "two", "priority": 1})).await.ok();
    assert_eq!(again, json!({"version": 5, "revision": 6}), "earlier content becomes a new version too");
    let page = host.get(&at(&id, "version/list")).await.ok();
    let numbers: Vec<_> =
        page["records"].as_array().unwrap().iter().map(|row| row["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    assert_eq!(host.get(&at(&id, "version/3/detail")).await.ok()["startCommand"], "three", "a version never changes");
    assert_eq!(job, host.detail(job["id"].as_str().unwrap()).await, "a job has its own copy");
}

#[tokio::test]
async fn unknown_versions_are_refused() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = three(&host).await;
    for path in ["version/4/detail", "version/0/detail", "version/x/detail", "version/-1/detail", "diff?from=1&to=4"] {
        let reply = host.get(&at(&id, path)).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{path}");
    }
    for (query, faults) in [
        ("", &[("from", "required"), ("to", "required")][..]),
        ("?from=1", &[("to", "required")]),
        ("?from=0&to=x", &[("from", "out_of_range"), ("to", "out_of_range")]),
    ] {
        let reply = host.get(&at(&id, &format!("diff{query}"))).await;
        let expected: Vec<_> = faults.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
        assert_eq!((reply.status, reply.faults()), (400, expected), "{query}");
    }
    for (body, code) in [
        (json!({}), "required"),
        (json!({"version": null}), "required"),
        (json!({"version": 4}), "unknown"),
        (json!({"version": 0}), "out_of_range"),
        (json!({"version": 1.5}), "out_of_range"),
        (json!({"version": "1"}), "wrong_type"),
        (json!({"version": 1, "versoin": 1}), "unknown_field"),
        (json!([1]), "wrong_type"),
    ] {
        let reply = host.post(&at(&id, "default-version"), &body).await;
        assert_eq!((reply.status, reply.faults()[0].1.as_str()), (400, code), "{body}");
    }
    let stale = host.request(Method::POST, &at(&id, "default-version"), &host.admin).header("if-match", "\"2\"");
    let reply = host.send(stale.json(&json!({"version": 1}))).await;
    assert_eq!((reply.status, &reply.body["data"]["revision"]), (412, &json!(3)));
    assert_eq!(host.get(&detail_of(&id)).await.ok()["version"], 3, "nothing changed");
}

#[tokio::test]
async fn a_job_names_the_template_version_that_it_was_created_from() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = three(&host).await;
    for (version, command) in [(1, "one"), (2, "two"), (3, "three")] {
        let body = json!({"createType": "TEMPLATE", "templateId": id, "templateVersion": version});
        let job = host.detail(&host.post("/v1/training/instance/create", &body).await.created_id()).await;
        assert_eq!((&job["templateVersion"], &job["spec"]["startCommand"]), (&json!(version), &json!(command)));
        assert_eq!(job["provenance"]["startCommand"], format!("template {id} v{version}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_the_default_lose_nothing() {
    let host = Host::start_without_loops(ROOMY).await;
    let id = three(&host).await;
    let moves = (0..12).map(|n| {
        let (host, path) = (&host, at(&id, "default-version"));
        async move { host.post(&path, &json!({"version": n % 3 + 1})).await.ok() }
    });
    futures_util::future::join_all(moves).await;
    let detail = host.get(&detail_of(&id)).await.ok();
    let command = ["one", "two", "three"][usize::try_from(detail["version"].as_u64().unwrap() - 1).unwrap()];
    assert_eq!(detail["startCommand"], command);
    assert_eq!(host.get(&at(&id, "version/list")).await.ok()["totalRows"], 3);
}
