//! A thousand followers of one log, and some more that never read.

use serde_json::{Value, json};
use trainyard_api::client::sse::SseParser;

use crate::harness::{Host, ROOMY, log_path, until};

const FOLLOWERS: usize = 1000;
const IDLE: usize = 20;

/// Prints a line and waits for the file `go`. Then it prints for a second and ends with more text than fits one event.
const PRINT: &str = "exec python3 -c '
import os, sys, time
print(\"begin\", flush=True)
while not os.path.exists(\"go\"): time.sleep(0.02)
for i in range(50):
  print(\"line\", i, \"世\", flush=True)
  time.sleep(0.02)
for i in range(3000): print(\"last\", i)
'";

fn printed_text() -> String {
    let lines = (0..50).map(|i| format!("line {i} 世\n"));
    std::iter::once("begin\n".to_owned()).chain(lines).chain((0..3000).map(|i| format!("last {i}\n"))).collect()
}

/// Returns all text that one follower receives from an offset on.
async fn follow_text(host: &Host, path: &str, from: usize) -> String {
    let request = host.request(reqwest::Method::GET, path, &host.admin).header("accept", "text/event-stream");
    let mut response = request.header("last-event-id", from).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let (mut parser, mut text, mut next) = (SseParser::default(), String::new(), from as u64);
    while let Some(bytes) = response.chunk().await.unwrap() {
        for event in parser.feed(&bytes) {
            let chunk: Value = serde_json::from_str(&event.data).unwrap();
            assert_eq!(chunk["offset"], next);
            next = chunk["nextOffset"].as_u64().unwrap();
            text.push_str(chunk["text"].as_str().unwrap());
            assert_eq!(chunk["end"], event.name == "end");
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_followers_of_one_log_all_get_every_byte() {
    let host = Host::start(ROOMY).await;
    let job = host.job(PRINT, json!({})).await;
    host.wait_for_output(&job, 0, "begin\n").await;
    let path = log_path(&job, 0);
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let request = host.request(reqwest::Method::GET, &path, &host.admin).header("accept", "text/event-stream");
        idle.push(request.send().await.unwrap());
    }
    // Most followers start at the beginning, and every tenth continues from a last event id.
    let offsets: Vec<usize> = (0..FOLLOWERS).map(|number| if number % 10 == 0 { 5 } else { 0 }).collect();
    let all = futures_util::future::join_all(offsets.iter().map(|from| follow_text(&host, &path, *from)));
    let job_end = async {
        let go = host.dir.path().join(format!("data/jobs/{job}/work/go"));
        std::fs::write(go, "").unwrap();
        // The server answers other calls meanwhile.
        host.wait_for_end(&job).await
    };
    let (all, detail) = tokio::join!(all, job_end);
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    let all_text = printed_text();
    for (text, from) in all.iter().zip(offsets) {
        assert!(text == &all_text[from..], "{} of {} bytes", text.len(), all_text.len() - from);
    }
    // When the last follower has gone, the server drops the shared chunks.
    drop(idle);
    let no_follower = async || match host.server.app.logs.followed() {
        0 => Ok(()),
        count => Err(count),
    };
    until(no_follower).await;
}
