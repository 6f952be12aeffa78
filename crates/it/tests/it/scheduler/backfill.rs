//! Who may pass those before it, what its reasons say of that, and how waiting lifts a job.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use crate::harness::Host;

const HOUR_MS: i64 = 3_600_000;

/// A centre of four cores, with more keys.
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

/// The last reason of a waiting job: its place.
async fn position(host: &Host, job: &str) -> (String, String) {
    let detail = host.detail(job).await;
    let last = detail["waitingFor"].as_array().and_then(|all| all.last()).unwrap_or_else(|| panic!("{detail:#}"));
    (last["code"].as_str().unwrap().to_owned(), last["message"].as_str().unwrap().to_owned())
}

/// A server whose time the test tells.
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
    let endless = host.job("true", cores(1, json!({}))).await;
    host.scheduler_pass().await;
    let start = "is number 1 of 2 in the queue: it starts within 1 h 1 min at the latest";
    assert_eq!(position(&host, &head).await, ("FirstInQueue".to_owned(), start.to_owned()));
    let hint = format!(
        "is number 2 of 2 in the queue: waiting behind 1 job of which the first is {head}; \
         it fits now, and a time limit of at most 1 h would let it run now"
    );
    assert_eq!(position(&host, &endless).await, ("AheadInQueue".to_owned(), hint.clone()));
    // A list says the same.
    let list = host.get("/v1/training/instance/list?status=NotStarted").await.ok();
    let listed = list["records"].as_array().unwrap().iter().find(|record| record["id"] == *endless).unwrap();
    assert_eq!(listed["message"], hint);

    host.set_timeout(&endless, Some(3601)).await.ok();
    host.scheduler_pass().await;
    assert_eq!(status(&host, &endless).await, "NotStarted");
    host.set_timeout(&endless, Some(3600)).await.ok();
    host.scheduler_pass().await;
    assert_eq!(status(&host, &endless).await, "Starting");
    let start = "is number 1 of 1 in the queue: it starts within 1 h 1 min at the latest";
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
    assert!(position(&host, &head).await.1.ends_with("it starts within 30 min 35 s at the latest"));
    assert!(position(&host, &same).await.1.ends_with("a time limit of at most 30 min would let it run now"));
    // Who runs for longer than was assumed may run for ever.
    now.fetch_add(HOUR_MS, Ordering::Relaxed);
    host.scheduler_pass().await;
    assert!(position(&host, &head).await.1.contains("when it starts is not known"));
    assert!(position(&host, &same).await.1.contains(&format!("is kept for {head}, of which nobody knows")));
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
        position(&host, job).await.1.chars().nth("is number ".len()).unwrap()
    };
    assert_eq!((number(&high).await, number(&low).await), ('1', '2'));
    now.fetch_add(3 * HOUR_MS - 1, Ordering::Relaxed);
    assert_eq!((number(&high).await, number(&low).await), ('1', '2'));
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!((number(&low).await, number(&high).await), ('1', '2'));
    // Its own history says that it is the first now, and no more than that.
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
    assert!(position(&host, &waiting).await.1.starts_with("is number 1 of 2"));
    assert!(position(&host, &restarted).await.1.starts_with("is number 2 of 2"));
    // In the class above, it is the younger one still.
    now.fetch_add(20 * HOUR_MS, Ordering::Relaxed);
    host.scheduler_pass().await;
    assert!(position(&host, &restarted).await.1.starts_with("is number 2 of 2"));
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
