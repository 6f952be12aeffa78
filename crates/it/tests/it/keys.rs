//! API keys: their life, their texts, and that nothing but a hash of them is kept.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use reqwest::Method;
use serde_json::{Value, json};
use trainyard_server::{clock::Clock, keys::reset_admin};

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

/// What any call answers to this header.
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
    let made = host.post(CREATE, &new_key("member")).await.ok();
    let text = made["key"].as_str().unwrap();
    assert_eq!(status_of(&host, text).await, 200);

    let page = host.get(LIST).await.ok();
    assert_eq!(page["totalRows"], 2);
    let listed = page["records"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap();
    for (field, value) in new_key("member").as_object().unwrap() {
        assert_eq!(&listed[field], value, "{field}");
    }
    assert_eq!(listed["createBy"], "admin");
    assert!(!page.to_string().contains(text), "a list tells no texts");

    host.delete(&path_of(&made)).await.ok();
    assert_eq!(status_of(&host, text).await, 401);
    assert_eq!(host.delete(&path_of(&made)).await.status, 404);
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
async fn the_last_admin_key_cannot_be_revoked() {
    const START: i64 = 1_700_000_000_000;
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    let first = host.get(LIST).await.ok()["records"][0].clone();
    let last = |reply: &crate::harness::Reply| (reply.status, reply.code()) == (409, "last_admin_key");
    assert!(last(&host.delete(&path_of(&first)).await));

    // A manager's key is none, and neither is one that has expired.
    host.post(CREATE, &new_key("manager")).await.ok();
    let mut short = new_key("admin");
    short["expires"] = json!("2023-11-14 22:14:20");
    let short = host.post(CREATE, &short).await.ok();
    now.store(START + 60_000, Ordering::Relaxed);
    assert!(last(&host.delete(&path_of(&first)).await));
    host.delete(&path_of(&short)).await.ok();

    let second = host.post(CREATE, &new_key("admin")).await.ok();
    host.delete(&path_of(&first)).await.ok();
    assert_eq!(status_of(&host, &host.admin).await, 401);
    let revoke = host.request(Method::DELETE, &path_of(&second), second["key"].as_str().unwrap());
    assert!(last(&host.send(revoke).await));
}

#[tokio::test]
async fn the_list_shows_the_last_use_of_a_key_to_the_hour() {
    const START: i64 = 1_700_000_000_000;
    const HOUR: i64 = 3_600_000;
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    let made = host.post(CREATE, &new_key("viewer")).await.ok();
    let text = made["key"].as_str().unwrap();
    let last_used = async || {
        let page = host.get(LIST).await.ok();
        let key = page["records"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap().clone();
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
async fn a_lost_admin_key_is_replaced_while_the_server_is_stopped() {
    let host = Host::start_without_loops(ROOMY).await;
    let (old, data) = (host.admin.clone(), host.dir.path().join("data"));
    let others = host.post(CREATE, &new_key("admin")).await.ok();
    let refused = reset_admin(&data).await.unwrap_err().to_string();
    assert!(refused.contains("in use by another server"), "{refused}");
    assert_eq!(status_of(&host, &old).await, 200);

    let dir = host.close().await;
    assert_eq!(reset_admin(&data).await.unwrap(), data.join("admin.key"));
    let host = Host::open(dir, ROOMY).await;
    assert_ne!(host.admin, old);
    assert_eq!(fs::metadata(data.join("admin.key")).unwrap().permissions().mode() & 0o777, 0o600);
    for (key, status) in [(&host.admin, 200), (&old, 401), (&others["key"].as_str().unwrap().to_owned(), 200)] {
        assert_eq!(status_of(&host, key).await, status);
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
    assert_eq!(host.send(twice).await.status, 401, "two keys");
    assert_eq!(host.get(&format!("{ANY}?key={key}")).await.status, 400, "never in the address");
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

#[tokio::test]
async fn only_the_admin_key_file_contains_a_key() {
    let host = Host::start_without_loops(ROOMY).await;
    let made = host.key("alice", "vision", "member").await;
    assert_eq!(status_of(&host, &made).await, 200);
    let (admin, data) = (host.admin.clone(), host.dir.path().join("data"));
    let look = |when: &str| {
        let mut databases = 0;
        for entry in fs::read_dir(&data).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let (path, bytes) = (entry.path(), fs::read(entry.path()).unwrap());
            let file = path.file_name().unwrap().to_str().unwrap();
            for (key, its_file) in [(&admin, "admin.key"), (&made, "none")] {
                // The secret alone, too: what stands before it is public.
                let secret = key.rsplit('_').next().unwrap().as_bytes();
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert_eq!(found, file == its_file, "{when}: {file}");
            }
            databases += u32::from(file.starts_with("trainyard.db"));
        }
        assert!(databases > 0);
    };
    look("while it runs");
    let dir = host.close().await;
    look("after it has ended");
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_servers_user_can_read_the_file_with_its_address() {
    let daemon = crate::daemon::Daemon::start(ROOMY, &[]).await;
    let mode = fs::metadata(daemon.data().join("server.url")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn only_the_servers_user_can_read_the_data_directory() {
    let host = Host::start_without_loops(ROOMY).await;
    host.post("/v1/training/template/create", &json!({"name": "n"})).await.ok();
    let data = host.dir.path().join("data");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&data).unwrap().map(Result::unwrap) {
        let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), expected, "{}", entry.path().display());
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"admin.key".to_owned()) && names.contains(&"trainyard.db".to_owned()), "{names:?}");
}

#[tokio::test]
async fn debug_output_hides_keys() {
    let host = Host::start_without_loops(ROOMY).await;
    let made = host.post(CREATE, &new_key("viewer")).await.ok();
    let text = made["key"].as_str().unwrap().to_owned();
    let created: trainyard_api::key::KeyCreated = serde_json::from_value(made).unwrap();
    for printed in [format!("{created:?}"), format!("{:?}", host.client()), format!("{:?}", host.server)] {
        for key in [&text, &host.admin] {
            let secret = key.rsplit('_').next().unwrap();
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    assert!(format!("{created:?}").contains("***"));
}
