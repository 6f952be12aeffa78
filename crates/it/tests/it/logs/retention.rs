//! What is kept and how long: the log of every attempt, the times of its lines, all of it until the retention.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use crate::harness::{Host, PROGRAM, ROOMY, log_path, until};

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

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_complete_after_a_timeout_or_an_out_of_memory_kill() {
    let host = Host::start(ROOMY).await;
    let counts = |most: u32| format!("i=0; while [ $i -lt {most} ]; do i=$((i+1)); echo $i; echo $i >last; done");
    let timed = json!({"enableTimeoutCancel": true, "timeoutSeconds": 1, "stopGraceSeconds": 0});
    let ignoring = format!("trap '' TERM; {}", counts(u32::MAX));
    let eating = format!("{}; exec tail /dev/zero", counts(2000));
    let small = json!({"resource": {"memoryGB": "0.063"}});
    let counted = host.get("/v1/aidc/list").await.ok()[0]["limits"]["memory"] != "none";
    for (command, more, reason) in [(ignoring, timed, "TimedOut"), (eating, small, "OutOfMemory")] {
        if reason == "OutOfMemory" && !counted {
            return eprintln!("skipped: this host cannot limit memory");
        }
        let job = host.job(&command, more).await;
        assert_eq!(host.wait_for_end(&job).await["reason"], reason);
        let last = host.dir.path().join("data/jobs").join(&job).join("work/last");
        let last: usize = std::fs::read_to_string(last).unwrap().trim().parse().unwrap_or_default();
        let log = String::from_utf8(host.log_bytes(&job, 0, "").await).unwrap();
        // What was printed before the note of it is there; the kill may have come between the two.
        let lines: Vec<usize> = log.lines().map(|line| line.parse().unwrap()).collect();
        assert!(lines.len() >= last && lines.iter().copied().eq(1..=lines.len()), "{last} of {}", lines.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_have_times_on_request() {
    let host = Host::start(ROOMY).await;
    let job = host.job("echo one; sleep 0.4; printf '50%%\\r'; sleep 0.4; printf '100%%'", json!({})).await;
    let detail = host.wait_for_end(&job).await;
    let plain = host.get(&log_path(&job, 0)).await.ok();
    assert!(
        plain.get("times").is_none() && host.get(&format!("{}?times=false", log_path(&job, 0))).await.ok() == plain
    );
    let asked = format!("{}?times=true", log_path(&job, 0));
    let chunk = host.get(&asked).await.ok();
    let times: Vec<(u64, i64)> = chunk["times"].as_array().unwrap().iter().map(time).collect();
    let offsets: Vec<u64> = times.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 4, 8], "{chunk}");
    assert!(times.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 290), "{chunk}");
    let started = detail["startTimeMs"].as_i64().unwrap();
    assert!((started - 1000..started + 60_000).contains(&times[0].1), "{times:?} of {started}");
    // The same when it is followed, and from any line on.
    let events = host.follow(&asked, None).await;
    let first: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!(first["times"], chunk["times"]);
    let rest = host.get(&format!("{asked}&offset=6")).await.ok();
    assert_eq!(
        rest["times"],
        json!([
        {"line": 0, "offset": 6, "timeMs": times[1].1}, {"line": 1, "offset": 8, "timeMs": times[2].1}])
    );
}

fn time(entry: &Value) -> (u64, i64) {
    (entry["offset"].as_u64().unwrap(), entry["timeMs"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_retention_the_answer_says_that_the_logs_were_removed() {
    let host = Host::start(&format!("retention_days = 0\n{ROOMY}")).await;
    let job = host.job("echo here", json!({})).await;
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, "here\n");
    // It must have ended before, not in the same millisecond.
    let gone = async || {
        host.janitor_pass().await;
        match host.get(&log_path(&job, 0)).await.status {
            404 => Ok(()),
            other => Err(other),
        }
    };
    until(gone).await;
    for kind in ["application/json", "text/plain", "text/event-stream"] {
        let request = host.request(reqwest::Method::GET, &log_path(&job, 0), &host.admin).header("accept", kind);
        let refused = host.send(request).await;
        assert_eq!((refused.status, refused.code()), (404, "logs_removed"), "{kind}");
        assert!(refused.body["message"].as_str().unwrap().contains("removed"), "{}", refused.body);
    }
    assert_eq!(host.detail(&job).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_a_year_ahead_removes_no_logs_before_a_day_has_passed() {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let (set, passed) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let (of_wall, of_both, of_steady) = (Arc::clone(&set), Arc::clone(&passed), Arc::clone(&passed));
    let (wall, steady) = (Clock::system(), Clock::system());
    let clock = Clock::from_both(
        move || wall.now() + of_wall.load(Relaxed) + of_both.load(Relaxed),
        move || steady.steady() + of_steady.load(Relaxed),
    );
    let host = Host::start_with_clock(clock.clone(), ROOMY).await;
    host.janitor_pass().await;
    host.server.start_loops();
    let job = host.job("echo here", json!({})).await;
    host.wait_for_end(&job).await;
    for ahead in [365 * DAY_MS, 0, 365 * DAY_MS] {
        set.store(ahead, Relaxed);
        host.janitor_pass().await;
        assert_eq!(host.log(&job, 0).await, "here\n");
    }
    // Nor does the next server believe it.
    let host = Host::open_with(Path::new(PROGRAM), clock, host.close().await, ROOMY).await;
    host.janitor_pass().await;
    assert_eq!(host.log(&job, 0).await, "here\n");
    passed.store(DAY_MS, Relaxed);
    host.janitor_pass().await;
    assert_eq!(host.get(&log_path(&job, 0)).await.code(), "logs_removed");
}
