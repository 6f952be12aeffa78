//! Restarting jobs that have ended.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

fn numbers(detail: &Value) -> Vec<u64> {
    detail["attempts"].as_array().unwrap().iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_job_continues_from_its_checkpoints_with_all_its_retries() {
    let host = Host::start(ROOMY).await;
    let command = "echo $TRAINYARD_ATTEMPT >>$TRAINYARD_CHECKPOINT_DIR/tries; exec [ $TRAINYARD_ATTEMPT = 6 ]";
    let more = json!({"enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0});
    let job = host.job(command, more).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], numbers(&detail)), (&json!("Failed"), vec![1, 2]));
    for attempts in [4, 6] {
        host.restart(&job).await.ok();
        let detail =
            host.wait_until(&job, |detail| numbers(detail).len() == attempts && super::has_ended(detail)).await;
        assert_eq!(detail["status"], if attempts == 6 { "Succeeded" } else { "Failed" }, "{detail:#}");
    }
    let tries = host.dir.path().join(format!("data/jobs/{job}/checkpoint/tries"));
    assert_eq!(std::fs::read_to_string(tries).unwrap(), "1\n2\n3\n4\n5\n6\n");
    for attempt in 1..=6 {
        assert_eq!(host.log_bytes(&job, 0, &format!("?attempt={attempt}")).await, b"");
    }
    let events = host.get(&format!("/v1/training/instance/{job}/event/list?pageSize=100")).await.ok();
    let by_person = |event: &&Value| event["reason"] == "Restarted";
    let restarts: Vec<&Value> = events["records"].as_array().unwrap().iter().filter(by_person).collect();
    assert_eq!(restarts.len(), 2);
    assert_eq!((&restarts[0]["type"], &restarts[0]["actor"]), (&json!("NotStarted"), &json!("admin")));
    assert_eq!(restarts[0]["message"], "restarted by admin; waiting for the scheduler");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_after_a_timeout_or_a_stop_has_the_full_time_limit() {
    let host = Host::start(ROOMY).await;
    let job = host.job("exec sleep 1000", json!({"enableTimeoutCancel": true, "timeoutSeconds": 1})).await;
    assert_eq!(host.wait_for_end(&job).await["reason"], "TimedOut");
    host.restart(&job).await.ok();
    // The restarted job runs, although the first attempt had used up the time limit.
    let running = |detail: &Value| numbers(detail).len() == 2 && detail["status"] == "Running";
    let detail = host.wait_until(&job, running).await;
    assert!(detail.get("endTime").is_none(), "{detail:#}");
    host.set_timeout(&job, None).await.ok();
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
    host.restart(&job).await.ok();
    let again = host.restart(&job).await;
    assert_eq!((again.status, again.code()), (409, "not_ended"));
    host.wait_until(&job, |detail| numbers(detail).len() == 3 && detail["status"] == "Running").await;
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_files_are_removed_or_due_for_removal_is_not_restarted() {
    let host = Host::start(ROOMY).await;
    let job = host.job("true", json!({})).await;
    host.wait_for_end(&job).await;
    let dir = host.close().await;
    let host = Host::open(dir, &format!("retention_days = 0\n{ROOMY}")).await;
    // The files are due for removal, even if the janitor has not removed them yet.
    let due = host.restart(&job).await;
    assert_eq!((due.status, due.code()), (409, "files_removed"), "{}", due.body);
    host.janitor_pass().await;
    // A server with a longer retention cannot bring the removed files back.
    let dir = host.close().await;
    let host = Host::open(dir, ROOMY).await;
    let removed = host.restart(&job).await;
    assert_eq!((removed.status, removed.code()), (409, "files_removed"), "{}", removed.body);
    assert_eq!(host.detail(&job).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_no_longer_fits_names_the_resource() {
    let host = Host::start(ROOMY).await;
    let job = host.job("true", json!({"resource": {"cpuCores": 32}})).await;
    host.wait_for_end(&job).await;
    let dir = host.close().await;
    let small = "[[centre]]\nid = 1\nname = 'small'\ncapacity = { cpu_cores = 4, memory_gb = 64 }\n";
    let host = Host::open(dir, small).await;
    let refused = host.restart(&job).await;
    assert_eq!((refused.status, refused.code()), (400, "cannot_run"), "{}", refused.body);
    assert_eq!(refused.faults()[0].0, "resource.cpuCores", "{}", refused.body);
    let dir = host.close().await;
    let host = Host::open(dir, "[[centre]]\nid = 2\nname = 'other'\n").await;
    let refused = host.restart(&job).await;
    assert_eq!((refused.status, refused.code()), (400, "cannot_run"), "{}", refused.body);
    assert_eq!(refused.faults()[0].0, "aidcId", "{}", refused.body);
}
