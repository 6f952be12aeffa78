//! Following a log while it grows: from the start, from an offset, and with many followers.

use serde_json::{Value, json};
use trainyard_api::client::sse::SseEvent;

use crate::harness::{Host, ROOMY, log_path, until};

/// Prints a hundred numbered lines in two seconds, and then a progress bar without a newline.
const SLOW: &str = "exec python3 -c 'import time\nfor i in range(100):\n  print(\"line\", i, \"世\", flush=True)\n  time.sleep(0.02)\nprint(\"\\r50%\\r100%\", end=\"\")'";

fn slow_text() -> String {
    (0..100).map(|i| format!("line {i} 世\n")).chain(["\r50%\r100%".to_owned()]).collect()
}

/// Returns the text of a followed log. Each chunk must start where the previous one ended, and the last event
/// must be the end.
fn text(events: &[SseEvent], from: u64) -> String {
    let (end, pieces) = events.split_last().unwrap();
    let mut text = String::new();
    for event in pieces {
        assert_eq!(event.name, "");
        let chunk: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(chunk["offset"], from + text.len() as u64);
        assert_eq!(chunk["end"], false);
        text.push_str(chunk["text"].as_str().unwrap());
        assert_eq!(event.id.as_deref(), Some(chunk["nextOffset"].to_string().as_str()));
        assert_eq!(chunk["nextOffset"], from + text.len() as u64);
    }
    let last: Value = serde_json::from_str(&end.data).unwrap();
    assert_eq!((end.name.as_str(), &last["end"]), ("end", &json!(true)));
    assert_eq!(last["nextOffset"], from + text.len() as u64);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn every_follower_gets_all_bytes_from_its_offset() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job(SLOW, json!({})).await;
    let path = log_path(&job, 0);
    // One follower connects before the job starts. Three connect after the first lines: at an offset, at an offset from
    // the end, and with a last event id.
    let early = host.follow(&path, None);
    let later = async {
        host.server.start_loops();
        host.wait_for_output(&job, 0, "line 10 ").await;
        let (from, back) = (format!("{path}?offset=10&limit=7"), format!("{path}?offset=-7"));
        tokio::join!(host.follow(&from, None), host.follow(&back, None), host.follow(&path, Some("10")))
    };
    let (early, (from, back, resumed)) = tokio::join!(early, later);
    let expected = slow_text();
    assert_eq!(text(&early, 0), expected);
    assert!(early.len() > 5, "only {} events", early.len());
    assert_eq!(text(&from, 10), expected[10..]);
    assert_eq!(text(&resumed, 10), expected[10..]);
    let first: Value = serde_json::from_str(&back[0].data).unwrap();
    let began = first["offset"].as_u64().unwrap();
    assert_eq!(text(&back, began), expected[usize::try_from(began).unwrap()..]);
    assert_eq!(host.log(&job, 0).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_reconnects_misses_and_repeats_nothing() {
    let host = Host::start(ROOMY).await;
    let job = host.job(SLOW, json!({})).await;
    let path = log_path(&job, 0);
    let (mut seen, mut last) = (String::new(), None::<String>);
    let mut ended = false;
    while !ended {
        let mut request = host.request(reqwest::Method::GET, &path, &host.admin).header("accept", "text/event-stream");
        if let Some(id) = &last {
            // The last event id of a browser takes precedence over the offset in the address.
            request = request.header("last-event-id", id).query(&[("offset", "0")]);
        }
        let mut response = request.send().await.unwrap();
        let mut parser = trainyard_api::client::sse::SseParser::default();
        // Disconnect after the first events.
        let events = loop {
            match response.chunk().await.unwrap() {
                Some(bytes) => match parser.feed(&bytes) {
                    events if events.is_empty() => {}
                    events => break events,
                },
                None => break Vec::new(),
            }
        };
        for event in events {
            let chunk: Value = serde_json::from_str(&event.data).unwrap();
            assert_eq!(chunk["offset"], seen.len() as u64);
            seen.push_str(chunk["text"].as_str().unwrap());
            last.clone_from(&event.id);
            ended = event.name == "end";
        }
    }
    assert_eq!(seen, slow_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_followers_at_once_get_the_complete_log() {
    let host = Host::start(ROOMY).await;
    let job = host.job(SLOW, json!({"resource": {"workerCount": 2}})).await;
    let paths: Vec<String> = (0..50).map(|i| log_path(&job, i % 2)).collect();
    let all = futures_util::future::join_all(paths.iter().map(|path| host.follow(path, None)));
    let other_calls = async {
        // The server answers other calls meanwhile.
        host.wait_for_end(&job).await
    };
    let (all, _) = tokio::join!(all, other_calls);
    for events in all {
        assert_eq!(text(&events, 0), slow_text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_line_is_sent_as_it_arrives() {
    let host = Host::start(ROOMY).await;
    let job = host.job(r"printf '\r10%%'; until [ -e go ]; do sleep 0.02; done; printf '\r20%%'", json!({})).await;
    let client = host.client();
    let pod = crate::harness::pod_name(&job, 0);
    let mut follow = client.log_follow(&job, &pod, None, 0);
    assert_eq!(follow.next().await.unwrap().unwrap().text, "\r10%");
    std::fs::write(host.dir.path().join(format!("data/jobs/{job}/work/go")), "").unwrap();
    assert_eq!(follow.next().await.unwrap().unwrap().text, "\r20%");
    assert_eq!(follow.next().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_character_is_sent_once_complete() {
    let host = Host::start(ROOMY).await;
    let job = host.job(r"printf 'a\344\270'; until [ -e go ]; do sleep 0.02; done; printf '\226b'", json!({})).await;
    let path = log_path(&job, 0);
    let half = async || match host.get(&path).await.ok() {
        chunk if chunk["nextOffset"] == 1 => Ok(chunk),
        chunk => Err(chunk),
    };
    assert_eq!(until(half).await["text"], "a");
    let follower = host.follow(&path, None);
    let writer = async {
        let file = std::path::Path::new(
            &host.detail(&job).await["attempts"][0]["workers"][0]["logPath"].as_str().unwrap().to_owned(),
        )
        .to_owned();
        let both = async || match std::fs::metadata(&file).unwrap().len() {
            3 => Ok(()),
            other => Err(other),
        };
        until(both).await;
        std::fs::write(host.dir.path().join(format!("data/jobs/{job}/work/go")), "").unwrap();
    };
    let (events, ()) = tokio::join!(follower, writer);
    assert_eq!(text(&events, 0), "a世b");
}
