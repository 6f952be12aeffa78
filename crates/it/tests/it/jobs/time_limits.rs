//! Changing the time limit of a queued and of a running job.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

/// Returns from a job's detail: whether a limit is enabled, the limit in seconds, and its provenance.
fn limit(detail: &Value) -> (Value, Value, Value) {
    let spec = &detail["spec"];
    (
        spec["enableTimeoutCancel"].clone(),
        spec["timeoutSeconds"].clone(),
        detail["provenance"]["timeoutSeconds"].clone(),
    )
}

async fn changes(host: &Host, job: &str) -> Vec<(String, String)> {
    let events = host.get(&format!("/v1/training/instance/{job}/event/list?pageSize=100")).await.ok();
    let changes = events["records"].as_array().unwrap().iter().filter(|event| event["type"] == "TimeoutChanged");
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    changes.map(|event| (text(event, "actor"), text(event, "message"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_extended_while_the_job_runs_takes_effect_at_once() {
    let host = Host::start(ROOMY).await;
    let more = json!({"enableTimeoutCancel": true, "timeoutSeconds": 3, "timeoutHours": 1});
    let job = host.job("echo running; exec sleep 4", more).await;
    host.wait_for_output(&job, 0, "running").await;
    host.set_timeout(&job, Some(600)).await.ok();
    let detail = host.wait_for_end(&job).await;
    assert_eq!(
        (&detail["status"], limit(&detail)),
        (&json!("Succeeded"), (json!(true), json!(600), json!("set by admin")))
    );
    assert_eq!(detail["spec"].get("timeoutHours"), None);
    let message = "time limit changed from 3s to 10m";
    assert_eq!(changes(&host, &job).await, [("admin".to_owned(), message.to_owned())]);
    assert_eq!(host.events(&job).await, ["NotStarted", "Starting", "Running", "TimeoutChanged", "Succeeded"]);
    let late = host.set_timeout(&job, Some(60)).await;
    assert_eq!((late.status, late.code()), (409, "already_ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_can_be_set_and_removed() {
    let host = Host::start(ROOMY).await;
    let job = host.job("exec sleep 1000", json!({"stopGraceSeconds": 5})).await;
    host.wait_for_status(&job, "Running").await;
    host.set_timeout(&job, Some(3600)).await.ok();
    host.set_timeout(&job, Some(3600)).await.ok();
    host.set_timeout(&job, None).await.ok();
    let detail = host.detail(&job).await;
    assert_eq!(limit(&detail), (json!(false), json!(null), json!(null)), "{detail:#}");
    assert_eq!(detail["provenance"]["enableTimeoutCancel"], "set by admin");
    host.set_timeout(&job, Some(2)).await.ok();
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")));
    assert_eq!(detail["message"], "stopped: the running time reached the time limit of 2s");
    assert_eq!(changes(&host, &job).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_below_the_elapsed_time_is_refused_and_changes_nothing() {
    let host = Host::start(ROOMY).await;
    let command = "[ $TRAINYARD_ATTEMPT = 1 ] && sleep 1.2 && exit 1; exec sleep 1000";
    let more = json!({"enableAutoRetry": true, "retryDelaySeconds": 3600});
    let job = host.job(command, more).await;
    // Between attempts the elapsed running time is that of the earlier attempts.
    host.wait_for_status(&job, "Retrying").await;
    let refused = host.set_timeout(&job, Some(1)).await;
    assert_eq!((refused.status, refused.code()), (400, "bad_body"), "{}", refused.body);
    assert_eq!(refused.faults(), [("timeoutSeconds".to_owned(), "out_of_range".to_owned())]);
    assert!(refused.body.to_string().contains("more than 1 s, which the job has run already"), "{}", refused.body);
    assert_eq!(host.detail(&job).await["status"], "Retrying");
    let job = host.job("sleep 1.2; echo slept; exec sleep 1000", json!({})).await;
    host.wait_for_output(&job, 0, "slept").await;
    assert_eq!(host.set_timeout(&job, Some(1)).await.status, 400);
    assert_eq!(host.detail(&job).await["status"], "Running");
    assert!(changes(&host, &job).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_accepts_any_limit_from_a_second_to_a_year() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    host.set_timeout(&job, Some(1)).await.ok();
    host.set_timeout(&job, Some(8760 * 3600)).await.ok();
    let put = |body: Value| {
        let path = format!("/v1/training/instance/{job}/timeout");
        host.send(host.request(Method::PUT, &path, &host.admin).json(&body))
    };
    for (body, field, code) in [
        (json!({"timeoutSeconds": 0}), "timeoutSeconds", "out_of_range"),
        (json!({"timeoutSeconds": 8760 * 3600 + 1}), "timeoutSeconds", "out_of_range"),
        (json!({"timeoutSeconds": -1}), "timeoutSeconds", "out_of_range"),
        (json!({"timeoutSeconds": 1.5}), "timeoutSeconds", "out_of_range"),
        (json!({"timeoutSeconds": "60"}), "timeoutSeconds", "wrong_type"),
        (json!({}), "timeoutSeconds", "required"),
        (json!({"timeoutSeconds": 60, "timeoutHours": 1}), "timeoutHours", "unknown_field"),
    ] {
        let reply = put(body.clone()).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{body}");
        assert_eq!(reply.faults(), [(field.to_owned(), code.to_owned())], "{body}");
    }
    assert_eq!(limit(&host.detail(&job).await).1, json!(8760 * 3600));
}
