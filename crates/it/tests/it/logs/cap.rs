//! A log beyond its cap: head and tail stay readable at their offsets in every format, and each reader
//! learns of the cut.

use serde_json::{Value, json};
use trainyard_api::log::LogQuery;

use crate::harness::{Host, ROOMY, log_path, pod_name};

const CAP: u64 = 1024 * 1024;
const LINES: u64 = 300_000;

/// Returns a line of 16 bytes that contains its number.
fn line(number: u64) -> String {
    format!("{number:015}\n")
}

fn capped() -> String {
    format!("log_cap_mb = 1\n{ROOMY}")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Reads the complete log as JSON chunks. Returns the text before the cut, the text after it, and the offset where
/// the tail starts.
async fn parts(host: &Host, job: &str) -> (String, String, u64) {
    let (mut head, mut tail, mut begins) = (String::new(), String::new(), 0);
    let mut offset = 0;
    loop {
        let chunk = host.get(&format!("{}?limit=1048576&offset={offset}", log_path(job, 0))).await.ok();
        if let Some(skipped) = chunk.get("skipped") {
            assert_eq!((begins, offset + number(skipped)), (0, number(&chunk["offset"])));
            begins = number(&chunk["offset"]);
        } else {
            assert_eq!(number(&chunk["offset"]), offset);
        }
        if begins == 0 { &mut head } else { &mut tail }.push_str(chunk["text"].as_str().unwrap());
        offset = number(&chunk["nextOffset"]);
        if chunk["end"] == true {
            return (head, tail, begins);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_tail_are_read_at_their_offsets_in_every_format() {
    let host = Host::start(&capped()).await;
    let job = host.job(&format!("seq -f %015.0f {LINES}"), json!({})).await;
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    let printed: String = (1..=LINES).map(line).collect();
    let size = printed.len() as u64;

    let (head, tail, begins) = parts(&host, &job).await;
    assert_eq!(head.len() as u64, CAP / 2);
    assert!(printed.starts_with(&head) && printed.ends_with(&tail));
    assert_eq!(begins + tail.len() as u64, size);
    assert!((CAP / 2 - CAP / 16..=CAP / 2).contains(&(tail.len() as u64)), "{}", tail.len());

    // Read from inside the cut, from the end, and from the last event id of an interrupted reader.
    let middle = size / 2;
    let chunk = host.get(&format!("{}?offset={middle}&limit=16", log_path(&job, 0))).await.ok();
    assert_eq!((number(&chunk["offset"]), number(&chunk["skipped"])), (begins, begins - middle));
    assert_eq!(chunk["text"], tail[..16]);
    let chunk = host.get(&format!("{}?offset=-32", log_path(&job, 0))).await.ok();
    assert_eq!(chunk["text"], line(LINES - 1) + &line(LINES));
    assert!(chunk.get("skipped").is_none());
    for last_id in [None, Some(middle.to_string())] {
        let from = last_id.as_ref().map_or(0, |id| id.parse().unwrap());
        let events = host.follow(&log_path(&job, 0), last_id.as_deref()).await;
        let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect();
        let text: String = chunks.iter().map(|chunk| chunk["text"].as_str().unwrap()).collect();
        assert!(text == if from == 0 { format!("{head}{tail}") } else { tail.clone() }, "from {from}");
        let skipped: u64 = chunks.iter().filter_map(|chunk| chunk["skipped"].as_u64()).sum();
        assert_eq!(skipped, begins - if from == 0 { head.len() as u64 } else { from });
    }

    // In the plain text a line marks the cut.
    let mark = format!("\n[trainyard: {} bytes of this log were removed here]\n", begins - CAP / 2);
    assert!(host.log(&job, 0).await == format!("{head}{mark}{tail}"));
    let raw = host.log_bytes(&job, 0, &format!("?offset={begins}&limit=32")).await;
    assert_eq!(raw, tail.as_bytes()[..32]);
    let raw = host.log_bytes(&job, 0, "?offset=16&limit=16").await;
    assert_eq!(raw, line(2).as_bytes());

    // The typed client reports the cut too.
    let query = LogQuery { offset: Some(600_000), ..LogQuery::default() };
    let chunk = host.client().pod_log(&job, &pod_name(&job, 0), &query).await.unwrap().data;
    assert_eq!(chunk.skipped, Some(begins - 600_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_a_log_cut_meanwhile_gets_the_remaining_bytes_at_their_offsets() {
    let host = Host::start(&capped()).await;
    let job = host.job(&format!("seq -f %015.0f {LINES}; seq -f %015.0f {LINES}"), json!({})).await;
    let events = host.follow(&format!("{}?limit=30000", log_path(&job, 0)), None).await;
    host.wait_for_end(&job).await;
    let mut next = 0;
    for event in &events {
        let chunk: Value = serde_json::from_str(&event.data).unwrap();
        let offset = number(&chunk["offset"]);
        assert_eq!(offset, next + chunk["skipped"].as_u64().unwrap_or_default());
        // The offset determines every byte.
        let text = chunk["text"].as_str().unwrap();
        for (at, byte) in (offset..).zip(text.bytes()).step_by(97) {
            let expected = line(at / 16 % LINES + 1).as_bytes()[usize::try_from(at % 16).unwrap()];
            assert_eq!(byte, expected, "at {at}");
        }
        next = number(&chunk["nextOffset"]);
    }
    assert_eq!(next, LINES * 32);
    assert_eq!(events.last().unwrap().name, "end");
}
