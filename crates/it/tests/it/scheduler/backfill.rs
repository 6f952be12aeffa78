//! Backfill: which job may start before an earlier one, what its waiting reasons say, and how ageing raises a job.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use crate::harness::Host;

const HOUR_MS: i64 = 3_600_000;

/// A centre of four cores with further keys.
fn centre(more: &str) -> String {
    format!("[[centre]]\nid = 1\nname = \"small\"\ncapacity = {{ cpu_cores = 4, memory_gb = 64, gpus = [] }}\n{more}\n")
}

fn cores(cores: u32, more: Value) -> Value {
    let mut body = json!({"resource": {"cpuCores": cores, "memoryGB": 1}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn limit(seconds: u64) -> Value {
    json!({"enableTimeoutCancel": true, "timeoutSeconds": seconds})
}

async fn status(host: &Host, job: &str) -> String {
    host.detail(job).await["status"].as_str().unwrap().to_owned()
}

/// Returns code and message of the last waiting reason, which is the position in the queue.
async fn position(host: &Host, job: &str) -> (String, String) {
    let detail = host.detail(job).await;
    let last = detail["waitingFor"].as_array().and_then(|all| all.last()).unwrap_or_else(|| panic!("{detail:#}"));
    (last["code"].as_str().unwrap().to_owned(), last["message"].as_str().unwrap().to_owned())
}

/// Starts a server under a clock that the test sets.
async fn host_with_clock(config: &str) -> (Host, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let shared = Arc::clone(&now);
    (Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), config).await, now)
}

#[tokio::test]
async fn a_time_limit_allows_backfill_and_the_waiting_reason_names_it() {
    let (host, _) = host_with_clock(&centre("")).await;
    let running = host.job("true", cores(3, limit(3600))).await;
    host.scheduler_pass().await;
    assert_eq!(status(&host, &running).await, "Starting");
    let head = host.job("true", cores(4, json!({"priority": 3}))).await;
    let unlimited = host.job("true", cores(1, json!({}))).await;
    host.scheduler_pass().await;
    let start = "1st of 2 in the queue, starts within 1h1m at the latest";
    assert_eq!(position(&host, &head).await, ("FirstInQueue".to_owned(), start.to_owned()));
    let hint =
        format!("2nd of 2 in the queue, behind {head}; it fits now and could start with a time limit of at most 1h");
    assert_eq!(position(&host, &unlimited).await, ("AheadInQueue".to_owned(), hint.clone()));
    // A list shows the same reason.
    let list = host.get("/v1/training/instance/list?status=NotStarted").await.ok();
    let listed = list["records"].as_array().unwrap().iter().find(|record| record["id"] == *unlimited).unwrap();
    assert_eq!(listed["message"], hint);

    host.set_timeout(&unlimited, Some(3601)).await.ok();
    host.scheduler_pass().await;
    assert_eq!(status(&host, &unlimited).await, "NotStarted");
    host.set_timeout(&unlimited, Some(3600)).await.ok();
    host.scheduler_pass().await;
    assert_eq!(status(&host, &unlimited).await, "Starting");
    let start = "1st of 1 in the queue, starts within 1h1m at the latest";
    assert_eq!(position(&host, &head).await.1, start);
}

#[tokio::test]
async fn a_centre_may_assume_a_running_time_for_jobs_without_a_limit() {
    let (host, now) = host_with_clock(&centre("assumed_hours = 1.5")).await;
    let running = host.job("true", cores(3, json!({}))).await;
    host.scheduler_pass().await;
    let head = host.job("true", cores(4, json!({"priority": 3}))).await;
    let same = host.job("true", cores(1, json!({}))).await;
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    host.scheduler_pass().await;
    assert_eq!(status(&host, &running).await, "Starting");
    assert!(position(&host, &head).await.1.ends_with(", starts within 30m35s at the latest"));
    assert!(position(&host, &same).await.1.ends_with("could start with a time limit of at most 30m"));
    // A job that has exceeded the assumed time may run without end.
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    host.scheduler_pass().await;
    assert!(position(&host, &head).await.1.contains("its start time is unknown"));
    assert!(position(&host, &same).await.1.contains(&format!("are reserved for {head}, whose start time is unknown")));
}

#[tokio::test]
async fn ageing_raises_a_job_above_later_jobs_of_higher_priority() {
    let (host, now) = host_with_clock(&format!("ageing_hours = 2\n{}", centre(""))).await;
    host.job("true", cores(4, json!({}))).await;
    host.scheduler_pass().await;
    let low = host.job("true", cores(4, json!({"priority": 1}))).await;
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    let high = host.job("true", cores(4, json!({"priority": 3}))).await;
    let number = async |job: &str| {
        host.scheduler_pass().await;
        position(&host, job).await.1.chars().next().unwrap()
    };
    assert_eq!((number(&high).await, number(&low).await), ('1', '2'));
    now.fetch_add(3 * HOUR_MS - 1, Ordering::Relaxed);
    assert_eq!((number(&high).await, number(&low).await), ('1', '2'));
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!((number(&low).await, number(&high).await), ('1', '2'));
    // The history has one entry for the new position and no more.
    assert_eq!(host.events(&low).await, ["NotStarted", "NotStarted", "NotStarted"]);
}

#[tokio::test]
async fn a_restarted_job_queues_behind_the_waiting_jobs() {
    let (host, now) = host_with_clock(&centre("")).await;
    let restarted = host.job("true", cores(4, json!({}))).await;
    host.stop(&restarted).await.ok();
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    host.job("true", cores(4, json!({"priority": 3}))).await;
    host.scheduler_pass().await;
    let waiting = host.job("true", cores(4, json!({}))).await;
    now.fetch_add(20 * HOUR_MS, Ordering::Relaxed);
    host.restart(&restarted).await.ok();
    host.scheduler_pass().await;
    assert!(position(&host, &waiting).await.1.starts_with("1st of 2"));
    assert!(position(&host, &restarted).await.1.starts_with("2nd of 2"));
    // Ageing raises both jobs to the next priority, where the restarted job is still the younger one.
    now.fetch_add(20 * HOUR_MS, Ordering::Relaxed);
    host.scheduler_pass().await;
    assert!(position(&host, &restarted).await.1.starts_with("2nd of 2"));
}

#[tokio::test]
async fn before_its_first_pass_a_server_shows_the_stored_reasons() {
    let host = Host::start_without_loops(&centre("")).await;
    host.job("true", cores(3, json!({}))).await;
    host.scheduler_pass().await;
    let head = host.job("true", cores(4, json!({}))).await;
    host.scheduler_pass().await;
    let shown = host.detail(&head).await;
    let host = Host::open(host.close().await, &centre("")).await;
    assert_eq!(host.detail(&head).await["waitingFor"], shown["waitingFor"]);
    host.scheduler_pass().await;
    assert_eq!(host.detail(&head).await, shown);
}
