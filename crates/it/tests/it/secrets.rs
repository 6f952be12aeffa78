//! Secrets: their calls, their rights, and that no value leaves the server except into the workers of a job.

mod command_line;
mod in_jobs;
mod lost_key;
mod secrecy;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, Reply};

const CREATE: &str = "/v1/secret/create";
const LIST: &str = "/v1/secret/list?pageSize=100";

async fn create(host: &Host, key: &str, body: Value) -> Reply {
    host.send(host.request(Method::POST, CREATE, key).json(&body)).await
}

async fn delete(host: &Host, key: &str, rest: &str) -> Reply {
    host.send(host.request(Method::DELETE, &format!("/v1/secret/{rest}"), key)).await
}

/// The secrets that a key lists, each as `project/name` or `project/user/name`.
async fn listed(host: &Host, key: &str) -> Vec<String> {
    let page = host.send(host.request(Method::GET, LIST, key)).await.ok();
    let text = |record: &Value, field: &str| record[field].as_str().map(str::to_owned);
    let name =
        |record: &Value| ["project", "user", "name"].into_iter().filter_map(|field| text(record, field)).collect();
    let names = page["records"].as_array().unwrap().iter().map(|record| -> Vec<String> { name(record) });
    names.map(|parts| parts.join("/")).collect()
}

#[tokio::test]
async fn a_secret_is_created_replaced_and_deleted_and_never_answered() {
    let host = Host::start_without_loops(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    let body = |value: &str| json!({"name": "wandb", "value": value});
    let created = create(&host, &alice, body("hunter2")).await.ok();
    for (field, value) in [
        ("name", json!("wandb")),
        ("scope", json!("project")),
        ("project", json!("vision")),
        ("usable", json!(true)),
        ("createBy", json!("alice")),
        ("updateBy", json!("alice")),
    ] {
        assert_eq!(created[field], value, "{field}");
    }
    assert_eq!(create(&host, &alice, body("hunter2")).await.ok(), created, "a repeated call changes nothing");
    let other = create(&host, &alice, body("correct horse")).await;
    assert_eq!((other.status, other.code()), (409, "secret_exists"));
    assert!(!other.body.to_string().contains("horse"));
    let mut replace = body("correct horse");
    replace["replace"] = json!(true);
    let replaced = create(&host, &host.admin, json!({"name": "wandb", "value": "x", "replace": true})).await.ok();
    assert_eq!(replaced["project"], "default", "an admin creates secrets in the project of the key");
    let replaced = create(&host, &alice, replace).await.ok();
    assert_eq!(replaced["createdTimeMs"], created["createdTimeMs"]);
    assert_eq!(listed(&host, &alice).await, ["vision/wandb"]);
    delete(&host, &alice, "wandb/delete").await.ok();
    assert_eq!(delete(&host, &alice, "wandb/delete").await.status, 404);
    assert_eq!(listed(&host, &alice).await, [""; 0]);
}

#[tokio::test]
async fn a_body_with_faults_is_refused_without_its_value() {
    let host = Host::start_without_loops(ROOMY).await;
    let long = "x".repeat(64 * 1024 + 1);
    for (body, faults) in [
        (json!({}), vec![("name", "required"), ("value", "required")]),
        (json!({"name": "two words", "value": "hunter2"}), vec![("name", "malformed")]),
        (json!({"name": "a", "value": ""}), vec![("value", "malformed")]),
        (json!({"name": "a", "value": long}), vec![("value", "malformed")]),
        (json!({"name": "a", "value": "hunter2\0"}), vec![("value", "malformed")]),
        (json!({"name": "a", "value": ["hunter2"]}), vec![("value", "wrong_type")]),
        (json!({"name": "a", "value": "hunter2", "scope": "personnel"}), vec![("scope", "not_a_choice")]),
        (json!({"name": "a", "value": "hunter2", "replace": 1}), vec![("replace", "wrong_type")]),
        (json!({"name": "a", "value": "hunter2", "values": "hunter2"}), vec![("values", "unknown_field")]),
    ] {
        let reply = create(&host, &host.admin, body).await;
        let expected: Vec<_> = faults.into_iter().map(|(field, code)| (field.to_owned(), code.to_owned())).collect();
        assert_eq!((reply.status, reply.faults()), (400, expected));
        let answer = reply.body.to_string();
        assert!(!answer.contains("hunter2") && !answer.contains("xxxx"), "{answer}");
    }
}

#[tokio::test]
async fn each_role_sees_and_changes_what_it_may() {
    let host = Host::start_without_loops(ROOMY).await;
    let mut keys = Vec::new();
    for (user, project, role) in [
        ("alice", "vision", "member"),
        ("bob", "vision", "member"),
        ("mia", "vision", "manager"),
        ("victor", "vision", "viewer"),
        ("alice", "speech", "member"),
    ] {
        keys.push(host.key(user, project, role).await);
    }
    let [alice, bob, mia, victor, elsewhere] = <[String; 5]>::try_from(keys).unwrap();
    for (key, name, scope) in [
        (&alice, "shared", "project"),
        (&alice, "own", "personal"),
        (&bob, "own", "personal"),
        (&mia, "managed", "project"),
        (&elsewhere, "far", "project"),
    ] {
        create(&host, key, json!({"name": name, "value": "v", "scope": scope})).await.ok();
    }
    let of_vision = ["vision/managed", "vision/alice/own", "vision/bob/own", "vision/shared"];
    for (key, expected) in [
        (&alice, vec!["vision/managed", "vision/alice/own", "vision/shared"]),
        (&bob, vec!["vision/managed", "vision/bob/own", "vision/shared"]),
        (&mia, of_vision.to_vec()),
        (&elsewhere, vec!["speech/far"]),
        (&host.admin, [&["speech/far"], &of_vision[..]].concat()),
    ] {
        assert_eq!(listed(&host, key).await, expected);
    }
    assert_eq!(host.send(host.request(Method::GET, LIST, &victor)).await.status, 403);

    for (key, call, status) in [
        (&victor, "shared/delete", 403),
        (&victor, "none/delete", 403),
        (&bob, "shared/delete", 403),
        (&bob, "managed/delete", 403),
        (&bob, "own/delete?user=alice", 404),
        (&bob, "own/delete?scope=project", 404),
        (&elsewhere, "shared/delete", 404),
        (&elsewhere, "shared/delete?project=vision", 404),
        (&mia, "far/delete?project=speech", 404),
        (&mia, "own/delete", 404),
        (&mia, "own/delete?user=bob", 200),
        (&mia, "shared/delete", 200),
        (&alice, "own/delete?scope=personal", 200),
        (&host.admin, "far/delete", 404),
        (&host.admin, "far/delete?project=speech", 200),
        (&host.admin, "managed/delete?project=vision&scope=project", 200),
        (&host.admin, "%FF/delete", 404),
        (&host.admin, "two%20words/delete", 404),
        (&host.admin, "x/delete?scope=all", 400),
    ] {
        assert_eq!(delete(&host, key, call).await.status, status, "{call}");
    }
    // Only its creator and managers replace a secret of the project.
    create(&host, &alice, json!({"name": "shared", "value": "v"})).await.ok();
    for (key, status) in [(&bob, 403), (&victor, 403), (&mia, 200), (&alice, 200)] {
        let body = json!({"name": "shared", "value": key[..20], "replace": true});
        assert_eq!(create(&host, key, body).await.status, status);
    }
}

#[tokio::test]
async fn a_name_of_both_scopes_must_say_which_is_deleted() {
    let host = Host::start_without_loops(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    for scope in ["project", "personal"] {
        create(&host, &alice, json!({"name": "wandb", "value": scope, "scope": scope})).await.ok();
    }
    let both = delete(&host, &alice, "wandb/delete").await;
    assert_eq!((both.status, both.faults()), (400, vec![("scope".to_owned(), "required".to_owned())]));
    delete(&host, &alice, "wandb/delete?scope=project").await.ok();
    assert_eq!(listed(&host, &alice).await, ["vision/alice/wandb"]);
    delete(&host, &alice, "wandb/delete").await.ok();
}
