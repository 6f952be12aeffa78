//! A job's history: complete, in order, with the actor of each event; as pages and as a stream.

use serde_json::{Value, json};
use trainyard_api::client::sse::SseEvent;

use crate::harness::{Host, ROOMY};

const FAST_JOB: [&str; 4] = ["NotStarted", "Starting", "Running", "Succeeded"];

fn path(job: &str) -> String {
    format!("/v1/training/instance/{job}/event/list")
}

/// Returns the events of a stream, each checked against its id. The last event must be the end.
fn followed(events: &[SseEvent]) -> Vec<Value> {
    let (end, rest) = events.split_last().unwrap();
    assert_eq!(end.name, "end");
    let read = |event: &SseEvent| {
        let value: Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(event.id.as_deref(), Some(value["sequence"].to_string().as_str()));
        value
    };
    rest.iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_the_fastest_job_has_every_step_once_and_in_order() {
    let host = Host::start(ROOMY).await;
    for _ in 0..20 {
        let job = host.job("true", json!({"resource": {"workerCount": 2}})).await;
        let detail = host.wait_for_end(&job).await;
        let page = host.get(&path(&job)).await.ok();
        assert_eq!((&page["totalRows"], &page["pageNo"], &page["pageSize"]), (&json!(4), &json!(1), &json!(10)));
        let events = page["records"].as_array().unwrap();
        let column = |name: &str| events.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
        assert_eq!(column("type"), FAST_JOB);
        assert_eq!(column("sequence"), [1, 2, 3, 4]);
        assert_eq!(column("reason"), ["Submitted", "Placed", "WorkersRunning", "Completed"]);
        assert_eq!(column("actor"), ["admin", "system", "system", "system"]);
        let times: Vec<i64> = column("timeMs").iter().map(|time| time.as_i64().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(events[0]["timeMs"], detail["createdTimeMs"]);
        assert_eq!(events[3]["message"], detail["message"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_names_the_user_that_stopped_the_job() {
    let host = Host::start(ROOMY).await;
    let key = host.key("ann", "default", "member").await;
    let body = json!({"createType": "CUSTOM", "startCommand": "exec sleep 1000"});
    let request = host.request(reqwest::Method::POST, "/v1/training/instance/create", &key).json(&body);
    let job = host.send(request).await.created_id();
    host.wait_for_status(&job, "Running").await;
    let stop = format!("/v1/training/instance/{job}/stop");
    host.send(host.request(reqwest::Method::POST, &stop, &key)).await.ok();
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["createBy"], &detail["message"]), (&json!("ann"), &json!("stopped by ann")));
    let page = host.get(&path(&job)).await.ok();
    let events = page["records"].as_array().unwrap();
    let summary =
        |event: &Value| ["type", "reason", "actor"].map(|name| event[name].as_str().unwrap().to_owned()).join(" ");
    let expected = [
        "NotStarted Submitted ann",
        "Starting Placed system",
        "Running WorkersRunning system",
        "Stopping StoppedByUser ann",
        "Stopped StoppedByUser ann",
    ];
    assert_eq!(events.iter().map(summary).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_each_event_as_it_happens_until_the_end() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("sleep 0.3", json!({})).await;
    let (all_events, after) = (path(&job), format!("{}?after=2", path(&job)));
    let early = host.follow(&all_events, None);
    let later = async {
        host.server.start_loops();
        host.wait_for_status(&job, "Running").await;
        tokio::join!(host.follow(&after, None), host.follow(&all_events, Some("3")))
    };
    let (early, (after, resumed)) = tokio::join!(early, later);
    let all = followed(&early);
    let listed = host.get(&path(&job)).await.ok();
    assert_eq!(json!(all), listed["records"]);
    assert_eq!(followed(&after), all[2..]);
    assert_eq!(followed(&resumed), all[3..]);
    // After the end of the job all events are there at once.
    assert_eq!(followed(&host.follow(&all_events, None).await), all);
    assert_eq!(followed(&host.follow(&all_events, Some("4")).await), Vec::<Value>::new());
    assert_eq!(followed(&host.follow(&format!("{}?after=99", path(&job)), None).await), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_read_in_pages_and_followed_completely() {
    let host = Host::start(ROOMY).await;
    let more = json!({"enableAutoRetry": true, "maxRetryCount": 30, "retryDelaySeconds": 0});
    let job = host.job("exit 1", more).await;
    let expected: Vec<Value> = followed(&host.follow(&path(&job), None).await);
    assert_eq!(expected.len(), 31 * 4);
    let mut read = Vec::new();
    for number in 1..=5 {
        let page = host.get(&format!("{}?pageSize=30&pageNo={number}", path(&job))).await.ok();
        assert_eq!(page["totalRows"], 124);
        read.extend(page["records"].as_array().unwrap().clone());
    }
    assert_eq!(read, expected);
    let sequences: Vec<u64> = read.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=124).collect::<Vec<_>>());
    let tail = host.get(&format!("{}?after=120", path(&job))).await.ok();
    assert_eq!(tail["records"], json!(expected[120..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_followers_at_once_all_see_the_end() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    let path = path(&job);
    let all = futures_util::future::join_all((0..50).map(|_| host.follow(&path, None)));
    let starter = async { host.server.start_loops() };
    let (all, ()) = tokio::join!(all, starter);
    for events in all {
        let kinds: Vec<Value> = followed(&events).iter().map(|event| event["type"].clone()).collect();
        assert_eq!(kinds, FAST_JOB);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_query_is_refused() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    for (query, field) in
        [("after=-1", "after"), ("after=x", "after"), ("pageSize=101", "pageSize"), ("afer=1", "afer")]
    {
        let refused = host.get(&format!("{}?{query}", path(&job))).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.faults()[0].0, field);
    }
    assert_eq!(host.get(&path("job_00000000000000000000")).await.status, 404);
}
