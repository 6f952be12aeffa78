//! A stream ends with the key that it was opened with, and says why.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use trainyard_api::client::sse::SseParser;
use trainyard_server::clock::Clock;

use super::{CREATE, new_key, path_of};
use crate::harness::{Host, ROOMY, log_path};

/// Prints a little every moment.
const TALK: &str = "while :; do echo x; sleep 0.1; done";

/// Follows a path with a key to the end of the stream; returns the name and the data of the last event.
async fn last_event(host: &Host, path: &str, key: &str) -> (String, Value) {
    let request = host.request(Method::GET, path, key).header("accept", "text/event-stream");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let (mut parser, mut last) = (SseParser::default(), None);
    while let Some(bytes) = response.chunk().await.unwrap() {
        last = parser.feed(&bytes).pop().or(last);
    }
    let last = last.unwrap();
    (last.name, serde_json::from_str(&last.data).unwrap())
}

fn paths(job: &str) -> [String; 2] {
    [log_path(job, 0), format!("/v1/training/instance/{job}/event/list")]
}

fn closed(why: &str) -> (String, Value) {
    ("closed".to_owned(), json!({"status": 401, "message": format!("Unauthorized: {why}"), "data": {}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_their_key_is_revoked() {
    let host = Host::start(ROOMY).await;
    let job = host.job(TALK, json!({"stopGraceSeconds": 0})).await;
    host.wait_for_output(&job, 0, "x").await;
    let key =
        host.post(CREATE, &json!({"name": "k", "user": "ann", "project": "default", "role": "viewer"})).await.ok();
    let text = key["key"].as_str().unwrap();
    let [log, events] = paths(&job);
    let revoked = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        host.delete(&path_of(&key)).await.ok();
        Instant::now()
    };
    let timed = async |path: &str| (last_event(&host, path, text).await, Instant::now());
    let (log, events, revoked) = tokio::join!(timed(&log), timed(&events), revoked);
    for (last, ended) in [log, events] {
        assert_eq!(last, closed("the API key was revoked"));
        assert!(ended.saturating_duration_since(revoked) < Duration::from_secs(1));
    }
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_their_key_expires() {
    const START: i64 = 1_700_000_000_000; // 2023-11-14 22:13:20
    let now = Arc::new(AtomicI64::new(START));
    let shared = now.clone();
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), ROOMY).await;
    // No loop runs, so the job waits and its events can be followed.
    let job = host.job("true", json!({})).await;
    let mut body = new_key("viewer");
    body["project"] = json!("default");
    body["expires"] = json!("2023-11-14 22:14:20");
    let key = host.post(CREATE, &body).await.ok();
    let [_, events] = paths(&job);
    let expires = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        now.store(START + 60_000, Ordering::Relaxed);
    };
    let (last, ()) = tokio::join!(last_event(&host, &events, key["key"].as_str().unwrap()), expires);
    assert_eq!(last, closed("the API key has expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_log_is_cut_when_its_key_is_revoked() {
    let host = Host::start(ROOMY).await;
    let job = host.job("head -c 60000000 /dev/zero", json!({})).await;
    host.wait_for_end(&job).await;
    let key =
        host.post(CREATE, &json!({"name": "k", "user": "ann", "project": "default", "role": "viewer"})).await.ok();
    let request = host.request(Method::GET, &log_path(&job, 0), key["key"].as_str().unwrap());
    let mut response = request.header("accept", "text/plain").send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    // The caller reads on only after the key has ended; more than any buffer holds is still to come.
    host.delete(&path_of(&key)).await.ok();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut length = 0;
    let cut = loop {
        match response.chunk().await {
            Ok(Some(piece)) => length += piece.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(cut && length < 60_000_000, "{length}");
}
