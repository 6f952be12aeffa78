//! API keys: creation, use, expiry and revocation. The server stores only a hash of a key's text.

mod admin;
mod secrecy;
mod streams;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use reqwest::Method;
use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use crate::harness::{Host, ROOMY};

const CREATE: &str = "/v1/api-key/create";
const LIST: &str = "/v1/api-key/list";
const ANY: &str = "/v1/aidc/list";

fn new_key(role: &str) -> Value {
    json!({"name": "nightly training", "user": "alice", "project": "vision", "role": role})
}

fn path_of(key: &Value) -> String {
    format!("/v1/api-key/{}/delete", key["id"].as_str().unwrap())
}

/// Returns the status of a call with this `Authorization` header.
async fn status_with(host: &Host, header: &str) -> u16 {
    let request = host.request(Method::GET, ANY, "").header("authorization", header);
    host.send(request).await.status
}

async fn status_of(host: &Host, key: &str) -> u16 {
    status_with(host, &format!("Bearer {key}")).await
}

#[tokio::test]
async fn a_key_works_from_its_creation_to_its_revocation() {
    let host = Host::start_without_loops(ROOMY).await;
    let created = host.post(CREATE, &new_key("member")).await.ok();
    let text = created["key"].as_str().unwrap();
    assert_eq!(status_of(&host, text).await, 200);

    let page = host.get(LIST).await.ok();
    assert_eq!(page["totalRows"], 2);
    let listed = page["records"].as_array().unwrap().iter().find(|key| key["id"] == created["id"]).unwrap();
    for (field, value) in new_key("member").as_object().unwrap() {
        assert_eq!(&listed[field], value, "{field}");
    }
    assert_eq!(listed["createBy"], "admin");
    assert!(!page.to_string().contains(text), "a list contains no key texts");

    host.delete(&path_of(&created)).await.ok();
    assert_eq!(status_of(&host, text).await, 401);
    assert_eq!(host.delete(&path_of(&created)).await.status, 404);
    assert_eq!(host.get(LIST).await.ok()["totalRows"], 1);
}

#[tokio::test]
async fn a_key_acts_for_its_user_in_its_project() {
    let host = Host::start_without_loops(ROOMY).await;
    let key = host.key("alice", "vision", "member").await;
    let create = host.request(Method::POST, "/v1/training/template/create", &key);
    host.send(create.json(&json!({"name": "n"}))).await.ok();
    let record = host.get("/v1/training/template/list").await.ok()["records"][0].clone();
    assert_eq!((&record["createBy"], &record["project"]), (&json!("alice"), &json!("vision")));
}

#[tokio::test]
async fn a_key_expires_at_its_time() {
    const START: i64 = 1_700_000_000_000; // 2023-11-14 22:13:20
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    for (expires, status) in [
        ("2023-11-14 22:13:20", 400),
        ("2020-01-01 00:00:00", 400),
        ("2023-11-14T22:14:20", 400),
        ("2023-13-01 00:00:00", 400),
        ("tomorrow", 400),
        ("", 400),
        ("2023-11-14 22:14:20", 200),
    ] {
        let mut body = new_key("member");
        body["expires"] = json!(expires);
        let reply = host.post(CREATE, &body).await;
        assert_eq!(reply.status, status, "{expires:?}: {}", reply.body);
        if status == 400 {
            assert_eq!(reply.faults()[0].0, "expires", "{expires:?}");
            continue;
        }
        let data = reply.ok();
        assert_eq!((&data["expires"], &data["expiresMs"]), (&json!(expires), &json!(START + 60_000)));
        let text = data["key"].as_str().unwrap();
        for (after, expected) in [(0, 200), (59_999, 200), (60_000, 401), (1_000_000, 401)] {
            now.store(START + after, Ordering::Relaxed);
            assert_eq!(status_of(&host, text).await, expected, "{after} ms later");
        }
    }
}

#[tokio::test]
async fn the_list_shows_the_last_use_of_a_key_to_the_hour() {
    const START: i64 = 1_700_000_000_000;
    const HOUR: i64 = 3_600_000;
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    let created = host.post(CREATE, &new_key("viewer")).await.ok();
    let text = created["key"].as_str().unwrap();
    let last_used = async || {
        let page = host.get(LIST).await.ok();
        let key = page["records"].as_array().unwrap().iter().find(|key| key["id"] == created["id"]).unwrap().clone();
        key["lastUsedTimeMs"].as_i64()
    };
    assert_eq!(last_used().await, None, "not used yet");
    for (after, expected) in [(1, 1), (HOUR, 1), (HOUR + 1, HOUR + 1), (9 * HOUR, 9 * HOUR)] {
        now.store(START + after, Ordering::Relaxed);
        assert_eq!(status_of(&host, text).await, 200);
        assert_eq!(last_used().await, Some(START + expected), "{after} ms later");
    }
}

#[tokio::test]
async fn only_the_exact_key_under_the_bearer_scheme_is_accepted() {
    let host = Host::start_without_loops(ROOMY).await;
    let key = host.admin.clone();
    let other_digit = if key.ends_with('0') { '1' } else { '0' };
    let almost = format!("{}{other_digit}", &key[..key.len() - 1]);
    for (header, expected) in [
        (format!("Bearer {key}"), 200),
        (format!("bearer {key}"), 200),
        (format!("BEARER   {key}  "), 200),
        (key.clone(), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        (String::new(), 401),
        (format!("Bearer{key}"), 401),
        (format!("Basic {key}"), 401),
        (format!("Bearer {key} {key}"), 401),
        (format!("Bearer \"{key}\""), 401),
        (format!("Bearer {key}0"), 401),
        (format!("Bearer {}", &key[..key.len() - 1]), 401),
        (format!("Bearer {almost}"), 401),
        (format!("Bearer {}", key.to_uppercase()), 401),
        (format!("Bearer {}", &key[..12]), 401),
        (format!("Bearer tyk_{}", "0".repeat(73)), 401),
        (format!("Bearer {}_{}", &key[..12], "0".repeat(64)), 401),
        (format!("Bearer {}", "x".repeat(20_000)), 401),
        ("Bearer k\u{fc}".to_owned(), 401),
        ("Bearer ' OR 1=1".to_owned(), 401),
    ] {
        assert_eq!(status_with(&host, &header).await, expected, "{header:.60}");
    }
    let twice = host.request(Method::GET, ANY, &key).header("authorization", format!("Bearer {key}"));
    assert_eq!(host.send(twice).await.status, 401, "two authorization headers");
    assert_eq!(host.get(&format!("{ANY}?key={key}")).await.status, 400, "a key in the query is refused");
}

#[tokio::test]
async fn a_new_key_is_checked_field_by_field() {
    let host = Host::start_without_loops(ROOMY).await;
    let with = |field: &str, value: Value| {
        let mut body = new_key("member");
        body[field] = value;
        body
    };
    for (body, expected) in [
        (json!({}), &[("name", "required"), ("user", "required"), ("project", "required"), ("role", "required")][..]),
        (with("role", json!("root")), &[("role", "not_a_choice")]),
        (with("role", json!("Admin")), &[("role", "not_a_choice")]),
        (with("user", json!("a b")), &[("user", "malformed")]),
        (with("user", json!("")), &[("user", "malformed")]),
        (with("project", json!("../x")), &[("project", "malformed")]),
        (with("project", json!("x".repeat(65))), &[("project", "malformed")]),
        (with("name", json!("")), &[("name", "malformed")]),
        (with("name", json!("a\nb")), &[("name", "malformed")]),
        (with("name", json!(1)), &[("name", "wrong_type")]),
        (with("expires", json!(0)), &[("expires", "wrong_type")]),
        (with("roles", json!("x")), &[("roles", "unknown_field")]),
        (
            json!({"name": 1, "user": "/", "project": "/", "role": "x", "expires": "x"}),
            &[
                ("name", "wrong_type"),
                ("user", "malformed"),
                ("project", "malformed"),
                ("role", "not_a_choice"),
                ("expires", "malformed"),
            ],
        ),
    ] {
        let reply = host.post(CREATE, &body).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{body}");
        let mut faults = reply.faults();
        let mut expected: Vec<_> = expected.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
        faults.sort();
        expected.sort();
        assert_eq!(faults, expected, "{body}");
    }
    host.post(CREATE, &with("name", json!("夜间训练"))).await.ok();
    host.post(CREATE, &with("expires", Value::Null)).await.ok();
}
