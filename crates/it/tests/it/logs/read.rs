//! Reading a log by offset: every chunk is valid text, and all chunks join to the complete log.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, log_path};

/// Characters of one to four bytes, so that many offsets are inside a character.
const TEXT: &str = "plain, é, 世界, 🚀.\n";

/// Runs a job that prints these bytes and ends.
async fn printed(host: &Host, bytes: &[u8]) -> String {
    let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    let job = host.job(&format!("printf '{octal}'"), json!({})).await;
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    job
}

async fn chunk(host: &Host, job: &str, query: &str) -> Value {
    host.get(&format!("{}?{query}", log_path(job, 0))).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_any_size_join_to_the_log_and_split_no_character() {
    let host = Host::start(ROOMY).await;
    let expected = TEXT.repeat(20);
    let job = printed(&host, expected.as_bytes()).await;
    for limit in [1, 2, 3, 4, 5, 7, 64, 1000, 1_048_576] {
        let (mut text, mut offset) = (String::new(), 0);
        loop {
            let chunk = chunk(&host, &job, &format!("offset={offset}&limit={limit}")).await;
            let part = chunk["text"].as_str().unwrap();
            assert_eq!(chunk["offset"], offset);
            assert_eq!(chunk["nextOffset"], offset + part.len() as u64, "limit {limit}");
            // A character longer than the limit is returned whole; otherwise the reader would never advance.
            assert!(part.len() <= limit || part.chars().count() == 1, "limit {limit}: {part:?}");
            text.push_str(part);
            offset += part.len() as u64;
            if chunk["end"] == true {
                break;
            }
            assert!(!part.is_empty());
        }
        assert_eq!(text, expected, "limit {limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_negative_offset_counts_from_the_end_and_starts_at_a_character() {
    let host = Host::start(ROOMY).await;
    let job = printed(&host, "ab世🚀\n".as_bytes()).await;
    for (offset, begins, text) in [
        (-1, 9, "\n"),
        (-2, 9, "\n"),
        (-4, 9, "\n"),
        (-5, 5, "🚀\n"),
        (-6, 5, "🚀\n"),
        (-8, 2, "世🚀\n"),
        (-10, 0, "ab世🚀\n"),
        (-1000, 0, "ab世🚀\n"),
        (i64::MIN, 0, "ab世🚀\n"),
        (10, 10, ""),
        (11, 10, ""),
        (i64::MAX, 10, ""),
    ] {
        let chunk = chunk(&host, &job, &format!("offset={offset}")).await;
        let expected = json!({"text": text, "offset": begins, "nextOffset": 10, "end": true});
        assert_eq!(chunk, expected, "{offset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_bytes_are_replaced_in_text_and_kept_in_the_file() {
    let host = Host::start(ROOMY).await;
    let bytes = b"a\xff\xfeb\xe4\xb8\0c\xf0\x9f\x9a";
    let job = printed(&host, bytes).await;
    let chunk = chunk(&host, &job, "").await;
    assert_eq!(chunk["text"], "a\u{fffd}\u{fffd}b\u{fffd}\0c\u{fffd}");
    assert_eq!((&chunk["nextOffset"], &chunk["end"]), (&json!(bytes.len()), &json!(true)));
    assert_eq!(host.log_bytes(&job, 0, "").await, bytes);
    // In the raw format an offset or a limit may be inside a character.
    for (query, part) in [
        ("?offset=5", &bytes[5..]),
        ("?offset=-2", &bytes[bytes.len() - 2..]),
        ("?offset=2&limit=3", &bytes[2..5]),
        ("?offset=99", b""),
    ] {
        assert_eq!(host.log_bytes(&job, 0, query).await, part, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_query_is_refused() {
    let host = Host::start(ROOMY).await;
    let job = printed(&host, b"x").await;
    for (query, field, code) in [
        ("limit=0", "limit", "out_of_range"),
        ("limit=1048577", "limit", "out_of_range"),
        ("limit=-1", "limit", "out_of_range"),
        ("offset=1.5", "offset", "out_of_range"),
        ("offset=9223372036854775808", "offset", "out_of_range"),
        ("attempt=0", "attempt", "out_of_range"),
        ("attempt=2", "attempt", "out_of_range"),
        ("attempts=1", "attempts", "unknown_field"),
        ("offset=1&offset=2", "offset", "duplicate"),
    ] {
        let refused = host.get(&format!("{}?{query}", log_path(&job, 0))).await;
        assert_eq!((refused.status, refused.code()), (400, "bad_query"), "{query}");
        assert_eq!(refused.faults(), [(field.to_owned(), code.to_owned())], "{query}");
    }
    for path in [log_path(&job, 1), log_path("job_00000000000000000000", 0)] {
        let refused = host.get(&path).await;
        assert_eq!((refused.status, refused.code()), (404, "not_found"), "{path}");
    }
    let other_project = host.key("zoe", "elsewhere", "manager").await;
    let refused = host.send(host.request(reqwest::Method::GET, &log_path(&job, 0), &other_project)).await;
    assert_eq!(refused.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_marked_ended_only_when_no_more_output_can_come() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("echo hello; until [ -e go ]; do sleep 0.02; done; printf bye", json!({})).await;
    let nothing_yet = json!({"text": "", "offset": 0, "nextOffset": 0, "end": false});
    assert_eq!(chunk(&host, &job, "").await, nothing_yet);
    host.server.start_loops();
    host.wait_for_output(&job, 0, "hello\n").await;
    let running = json!({"text": "hello\n", "offset": 0, "nextOffset": 6, "end": false});
    assert_eq!(chunk(&host, &job, "").await, running);
    assert_eq!(chunk(&host, &job, "offset=6").await["end"], false);
    std::fs::write(host.dir.path().join(format!("data/jobs/{job}/work/go")), "").unwrap();
    host.wait_for_end(&job).await;
    let over = json!({"text": "bye", "offset": 6, "nextOffset": 9, "end": true});
    assert_eq!(chunk(&host, &job, "offset=6").await, over);
    // More bytes follow this chunk, so the log has not ended for this reader.
    assert_eq!(chunk(&host, &job, "limit=4").await["end"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rank_without_a_process_has_an_empty_and_ended_log() {
    let host = Host::start(ROOMY).await;
    let more = json!({"trainingFramwork": "MPI", "resource": {"workerCount": 3}});
    let job = host.job("echo launched $TRAINYARD_WORLD_SIZE", more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(host.log(&job, 0).await, "launched 3\n");
    for rank in [1, 2] {
        let chunk = host.get(&log_path(&job, rank)).await.ok();
        assert_eq!(chunk, json!({"text": "", "offset": 0, "nextOffset": 0, "end": true}));
        assert_eq!(host.log(&job, rank).await, "");
        let followed = host.follow(&log_path(&job, rank), None).await;
        assert_eq!(followed.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["end"]);
        // The worker shows the result of its launcher.
        let worker = &detail["attempts"][0]["workers"][rank as usize];
        assert_eq!(worker["status"], "Succeeded", "{worker:#}");
        assert!(worker.get("pid").is_none() && worker.get("exitCode").is_none(), "{worker:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_a_job_that_never_started_is_empty_and_ended() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    host.stop(&job).await.ok();
    assert_eq!(chunk(&host, &job, "").await, json!({"text": "", "offset": 0, "nextOffset": 0, "end": true}));
    assert_eq!(host.log(&job, 0).await, "");
    assert_eq!(host.follow(&log_path(&job, 0), None).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_each_attempt_is_read_by_its_number() {
    let host = Host::start(ROOMY).await;
    let again = json!({"enableAutoRetry": true, "maxRetryCount": 2, "retryDelaySeconds": 0});
    let job = host.job("echo try $TRAINYARD_ATTEMPT; exit 3", again).await;
    host.wait_for_end(&job).await;
    for attempt in 1..=3 {
        let text = format!("try {attempt}\n");
        let query = format!("?attempt={attempt}");
        let chunk = host.get(&format!("{}{query}", log_path(&job, 0))).await.ok();
        assert_eq!((&chunk["text"], &chunk["end"]), (&json!(text), &json!(true)));
        assert_eq!(host.log_bytes(&job, 0, &query).await, text.as_bytes());
        assert_eq!(host.follow(&format!("{}{query}", log_path(&job, 0)), None).await.len(), 2);
    }
    assert_eq!(host.log(&job, 0).await, "try 3\n");
}
