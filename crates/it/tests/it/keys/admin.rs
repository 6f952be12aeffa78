//! Admin keys: at least one valid admin key always exists, and a lost one can be replaced.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use reqwest::Method;
use serde_json::json;
use trainyard_server::{clock::Clock, keys::reset_admin};

use super::{CREATE, LIST, new_key, path_of, status_of};
use crate::harness::{Host, ROOMY};

#[tokio::test]
async fn the_last_admin_key_cannot_be_revoked() {
    const START: i64 = 1_700_000_000_000;
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    let first = host.get(LIST).await.ok()["records"][0].clone();
    let last = |reply: &crate::harness::Reply| (reply.status, reply.code()) == (409, "last_admin_key");
    assert!(last(&host.delete(&path_of(&first)).await));

    // A manager's key does not count as an admin key, nor does an admin key that expires.
    host.post(CREATE, &new_key("manager")).await.ok();
    let mut short = new_key("admin");
    short["expires"] = json!("2023-11-14 22:14:20");
    let short = host.post(CREATE, &short).await.ok();
    let refused = host.delete(&path_of(&first)).await;
    assert!(
        last(&refused) && refused.body["message"].as_str().unwrap().contains("expire before it"),
        "{}",
        refused.body
    );
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
async fn a_lost_admin_key_is_replaced_while_the_server_is_stopped() {
    let host = Host::start_without_loops(ROOMY).await;
    let (old, data) = (host.admin.clone(), host.dir.path().join("data"));
    let other_key = host.post(CREATE, &new_key("admin")).await.ok();
    let refused = reset_admin(&data).await.unwrap_err().to_string();
    assert!(refused.contains("in use by a running server"), "{refused}");
    assert_eq!(status_of(&host, &old).await, 200);

    let dir = host.close().await;
    assert_eq!(reset_admin(&data).await.unwrap(), data.join("admin.key"));
    let host = Host::open(dir, ROOMY).await;
    assert_ne!(host.admin, old);
    assert_eq!(fs::metadata(data.join("admin.key")).unwrap().permissions().mode() & 0o777, 0o600);
    for (key, status) in [(&host.admin, 200), (&old, 401), (&other_key["key"].as_str().unwrap().to_owned(), 200)] {
        assert_eq!(status_of(&host, key).await, status);
    }
}
