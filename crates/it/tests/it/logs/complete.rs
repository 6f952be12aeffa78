//! No byte of a log is lost: not in a large log, and not when the writer is killed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Host, ROOMY, log_path, pod_name};

/// The number of lines in a log of about 20 MB.
const LINES: u32 = 2_700_000;

fn numbered() -> String {
    (1..=LINES).map(|i| format!("{i}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_20_mb_is_complete_and_does_not_delay_other_calls() {
    let host = Host::start(ROOMY).await;
    let job = host.job(&format!("seq 1 {LINES}"), json!({})).await;
    // One follower never reads, which must not delay other callers.
    let idle = host.request(reqwest::Method::GET, &log_path(&job, 0), &host.admin);
    let idle = idle.header("accept", "text/event-stream").send().await.unwrap();
    let client = host.client();
    let pod = pod_name(&job, 0);
    let follower = async {
        let mut follow = client.log_follow(&job, &pod, None, 0);
        let mut text = String::new();
        while let Some(chunk) = follow.next().await.unwrap() {
            text.push_str(&chunk.text);
        }
        text
    };
    let other_calls = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let asked = Instant::now();
            host.get(&format!("{}?limit=1048576&offset=-1048576", log_path(&job, 0))).await.ok();
            host.get("/v1/training/instance/list").await.ok();
            slowest = slowest.max(asked.elapsed());
        }
        slowest
    };
    let (followed, slowest) = tokio::join!(follower, other_calls);
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    let expected = numbered();
    assert!(expected.len() > 20_000_000);
    // `assert!`, since `assert_eq!` would print both texts.
    assert!(followed == expected, "{} of {} bytes", followed.len(), expected.len());
    let raw = host.log_bytes(&job, 0, "").await;
    assert!(raw == expected.as_bytes(), "{} of {} bytes", raw.len(), expected.len());
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    drop(idle);
}

/// Writes each number first to its log and then to a file.
const WITNESS: &str = r#"exec python3 -c '
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
witness = os.open("witness", os.O_WRONLY | os.O_CREAT)
number = 0
while True:
    number += 1
    line = b"%d\n" % number
    os.write(1, line)
    os.pwrite(witness, line, 0)
'"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_complete_up_to_the_last_byte_before_a_kill() {
    let host = Host::start(ROOMY).await;
    let job = host.job(WITNESS, json!({"stopGraceSeconds": 0})).await;
    host.wait_for_output(&job, 0, "\n1000\n").await;
    host.stop(&job).await.ok();
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["attempts"][0]["workers"][0]["signal"], 9, "{detail:#}");
    let witness = host.dir.path().join(format!("data/jobs/{job}/work/witness"));
    let written: u64 = std::fs::read_to_string(witness).unwrap().trim().parse().unwrap();
    let log = host.log(&job, 0).await;
    let last: u64 = log.lines().last().unwrap().parse().unwrap();
    assert!(last == written || last == written + 1, "the log ends with {last}, the file contains {written}");
    assert!(log.lines().zip(1_u64..).all(|(line, number)| line == number.to_string()));
    assert!(log.ends_with('\n'));
}

#[tokio::test(flavor = "multi_thread")]
async fn stdout_and_stderr_are_merged_into_one_log_in_order() {
    let host = Host::start(ROOMY).await;
    let job = host.job("for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done", json!({})).await;
    host.wait_for_end(&job).await;
    let expected: String = (1..10).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(host.log(&job, 0).await, expected);
    let request = host.request(reqwest::Method::GET, &log_path(&job, 0), &host.admin);
    let answer = request.header("accept", "text/plain").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
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
        // The log contains every number up to the one in the file. A kill may come between the two writes.
        let lines: Vec<usize> = log.lines().map(|line| line.parse().unwrap()).collect();
        assert!(lines.len() >= last && lines.iter().copied().eq(1..=lines.len()), "{last} of {}", lines.len());
    }
}
