//! The retention of logs: when they are removed, and how the system clock cannot remove them too early.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use serde_json::json;
use trainyard_server::clock::Clock;

use crate::harness::{Host, PROGRAM, ROOMY, log_path, until};

#[tokio::test(flavor = "multi_thread")]
async fn after_the_retention_the_answer_says_that_the_logs_were_removed() {
    let host = Host::start(&format!("retention_days = 0\n{ROOMY}")).await;
    let job = host.job("echo here", json!({})).await;
    host.wait_for_end(&job).await;
    assert_eq!(host.log(&job, 0).await, "here\n");
    // The job must have ended in an earlier millisecond.
    let removed = async || {
        host.janitor_pass().await;
        match host.get(&log_path(&job, 0)).await.status {
            404 => Ok(()),
            other => Err(other),
        }
    };
    until(removed).await;
    for kind in ["application/json", "text/plain", "text/event-stream"] {
        let request = host.request(reqwest::Method::GET, &log_path(&job, 0), &host.admin).header("accept", kind);
        let refused = host.send(request).await;
        assert_eq!((refused.status, refused.code()), (404, "logs_removed"), "{kind}");
        assert!(refused.body["message"].as_str().unwrap().contains("deleted"), "{}", refused.body);
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
        move || wall.now().as_ms() + of_wall.load(Relaxed) + of_both.load(Relaxed),
        move || steady.steady().as_ms() + of_steady.load(Relaxed),
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
    // The next server does not trust the changed clock either.
    let host = Host::open_with(Path::new(PROGRAM), clock, host.close().await, ROOMY).await;
    host.janitor_pass().await;
    assert_eq!(host.log(&job, 0).await, "here\n");
    passed.store(DAY_MS, Relaxed);
    host.janitor_pass().await;
    assert_eq!(host.get(&log_path(&job, 0)).await.code(), "logs_removed");
}
