//! Stopping a job at any moment: all its processes end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{Host, ROOMY, until},
    processes::{self, assert_dead},
};

/// Stops a job once it has printed `ready`. Returns its final detail and the duration of the stop.
async fn stopped(host: &Host, command: &str, more: Value) -> (Value, Duration) {
    let job = host.job(command, more).await;
    host.wait_for_output(&job, 0, "ready").await;
    let asked = Instant::now();
    host.stop(&job).await.ok();
    let detail = host.wait_for_end(&job).await;
    let took = asked.elapsed();
    assert_dead(&job);
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Stopped"), &json!("StoppedByUser")), "{detail:#}");
    (detail, took)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_as_soon_as_all_workers_exit() {
    let host = Host::start(ROOMY).await;
    let command = r#"trap "echo saving; sleep 0.3; echo saved; exit 0" TERM; echo ready; while :; do sleep 0.05; done"#;
    let more = json!({"stopGraceSeconds": 3600, "resource": {"workerCount": 2}, "enableAutoRetry": true});
    let (detail, took) = stopped(&host, command, more).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    let job = detail["id"].as_str().unwrap();
    // The log contains all output of the grace period.
    assert!(host.log(job, 0).await.ends_with("saving\nsaved\n"));
    assert_eq!(detail["message"], "stopped by admin");
    let attempt = &detail["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("Stopped"), &json!("StoppedByUser")));
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ignores_sigterm_is_killed_only_after_the_grace_period() {
    let host = Host::start(ROOMY).await;
    let command = r#"trap "echo no" TERM; echo ready; while :; do sleep 0.05; done"#;
    let more = json!({"stopGraceSeconds": 2, "resource": {"workerCount": 2}});
    let (detail, took) = stopped(&host, command, more).await;
    assert!((Duration::from_secs(2)..Duration::from_secs(20)).contains(&took), "{took:?}");
    for worker in detail["attempts"][0]["workers"].as_array().unwrap() {
        assert_eq!((&worker["status"], &worker["signal"]), (&json!("Stopped"), &json!(9)), "{worker:#}");
        assert_eq!(worker["reason"], "Stopped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn detached_grandchildren_without_the_jobs_variables_are_ended_too() {
    let host = Host::start(ROOMY).await;
    let mark = format!("{}.5", 200_000 + std::process::id());
    // Two daemons: forked twice, in their own session, ignoring SIGTERM; one has neither the job's variables
    // nor its output.
    let command = format!(
        r#"(setsid sh -c '(trap "" TERM HUP INT; exec sleep {mark}) & exit 0' & exit 0)
        (env -i setsid sh -c '(trap "" TERM HUP INT; exec sleep {mark}) & exit 0' </dev/null >/dev/null 2>&1 & exit 0)
        exec sleep 1000"#
    );
    let job = host.job(&command, json!({"stopGraceSeconds": 1})).await;
    let daemons = async || match processes::with_argument(&format!("sleep\0{mark}")) {
        found if found.len() == 2 => Ok(()),
        found => Err(processes::describe(&found)),
    };
    until(daemons).await;
    host.stop(&job).await.ok();
    assert_eq!(host.wait_for_end(&job).await["status"], "Stopped");
    assert_dead(&job);
    let left = processes::with_argument(&mark);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
}

/// Forks without end and lets each parent exit, so that a pid is outdated a moment later.
const RUNNER: &str = r#"
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    while True:
        time.sleep(0.002)
        if os.fork():
            os._exit(0)
        os.setsid()
print("ready", flush=True)
time.sleep(1000)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_forks_during_the_kill_is_killed() {
    let host = Host::start(ROOMY).await;
    let more = json!({"stopGraceSeconds": 1});
    let (detail, took) = stopped(&host, &format!("exec python3 -c '{RUNNER}'"), more).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    // The job stays without processes.
    assert_dead(detail["id"].as_str().unwrap());
    let many =
        r#"trap "" TERM; swarm() { while :; do sleep 30 & sleep 0.01; done; }; swarm & swarm & echo ready; wait"#;
    stopped(&host, many, json!({"stopGraceSeconds": 0})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_no_other_job() {
    let host = Host::start(ROOMY).await;
    let other = host.job("echo ready; exec sleep 1000", json!({"resource": {"workerCount": 2}})).await;
    host.wait_for_output(&other, 1, "ready").await;
    let before = processes::of_job(&other);
    stopped(&host, "echo ready; exec sleep 1000", json!({})).await;
    assert_eq!(processes::of_job(&other), before);
    assert_eq!(host.detail(&other).await["status"], "Running");
    host.stop(&other).await.ok();
    host.wait_for_status(&other, "Stopped").await;
    assert_dead(&other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_stopped_at_once_and_never_starts() {
    let host = Host::start(ROOMY).await;
    let all_cores = json!({"resource": {"cpuCores": 64}, "stopGraceSeconds": 1});
    let first = host.job("echo ready; exec sleep 1000", all_cores.clone()).await;
    host.wait_for_status(&first, "Running").await;
    let second = host.job("touch $TRAINYARD_CHECKPOINT_DIR/ran", all_cores).await;
    host.wait_until(&second, |detail| detail["reason"] == "WaitingForResources").await;
    host.stop(&second).await.ok();
    let detail = host.detail(&second).await;
    assert_eq!((&detail["status"], &detail["attempts"]), (&json!("Stopped"), &json!([])));
    assert_eq!(detail["waitingFor"], json!([]));
    host.stop(&first).await.ok();
    host.wait_for_status(&first, "Stopped").await;
    let third = host.job("true", json!({})).await;
    host.wait_for_status(&third, "Succeeded").await;
    assert_eq!(host.detail(&second).await["status"], "Stopped");
    assert!(!host.dir.path().join("data/jobs").join(&second).exists());
    assert_eq!(host.events(&second).await, ["NotStarted", "NotStarted", "Stopped"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_any_moment_of_a_start_leaves_no_process_and_ends_the_job() {
    let host = Host::start(ROOMY).await;
    let mut jobs = Vec::new();
    for round in 0..40_u64 {
        let more = json!({"resource": {"workerCount": 2}, "stopGraceSeconds": 1, "enableAutoRetry": true});
        let job = host.job("exec sleep 1000", more).await;
        // The stops come at moments from before the placement until after the start of the workers.
        if round % 4 > 0 {
            tokio::time::sleep(Duration::from_millis(round % 20)).await;
        }
        host.stop(&job).await.ok();
        jobs.push(job);
    }
    for job in &jobs {
        let detail = host.wait_for_end(job).await;
        assert_eq!(detail["status"], "Stopped", "{detail:#}");
        assert!(detail["attempts"].as_array().unwrap().len() <= 1, "{detail:#}");
        for attempt in detail["attempts"].as_array().unwrap() {
            assert_eq!(attempt["status"], "Stopped", "{detail:#}");
            for worker in attempt["workers"].as_array().unwrap() {
                assert_eq!(worker["status"], "Stopped", "{detail:#}");
            }
        }
        assert_dead(job);
    }
    // All resources are free again.
    let all_cores = host.job("true", json!({"resource": {"cpuCores": 64, "gpuCount": 8, "memoryGB": 64}})).await;
    host.wait_for_status(&all_cores, "Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stop_and_one_after_the_end_change_nothing() {
    let host = Host::start(ROOMY).await;
    let command = r#"trap "" TERM; echo ready; while :; do sleep 0.05; done"#;
    let job = host.job(command, json!({"stopGraceSeconds": 2})).await;
    host.wait_for_output(&job, 0, "ready").await;
    // The output may be there before the status is saved.
    host.wait_for_status(&job, "Running").await;
    assert_eq!(host.stop(&job).await.body, json!({"status": 200, "message": "OK", "data": {}}));
    assert_eq!(host.stop(&job).await.body, json!({"status": 200, "message": "OK", "data": {}}));
    let stopping = host.detail(&job).await;
    assert_eq!((&stopping["status"], &stopping["message"]), (&json!("Stopping"), &json!("being stopped by admin")));
    let after = host.wait_for_end(&job).await;
    host.stop(&job).await.ok();
    assert_eq!(host.detail(&job).await, after);
    assert_eq!(host.events(&job).await, ["NotStarted", "Starting", "Running", "Stopping", "Stopped"]);

    let done = host.job("true", json!({})).await;
    let before = host.wait_for_end(&done).await;
    host.stop(&done).await.ok();
    assert_eq!(host.detail(&done).await, before);
    assert_eq!(before["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_takes_no_body_and_needs_permission() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    let path = format!("/v1/training/instance/{job}/stop");
    let with_body = host.post(&path, &json!({"force": true})).await;
    assert_eq!(with_body.status, 400, "{}", with_body.body);
    let (viewer, member, stranger) = (
        host.key("vic", "default", "viewer").await,
        host.key("mia", "default", "member").await,
        host.key("zoe", "elsewhere", "manager").await,
    );
    for (key, status) in [(&viewer, 403), (&member, 403), (&stranger, 404), (&String::new(), 401)] {
        let answer = host.send(host.request(reqwest::Method::POST, &path, key)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(host.detail(&job).await["status"], "NotStarted");
    let manager = host.key("max", "default", "manager").await;
    assert_eq!(host.send(host.request(reqwest::Method::POST, &path, &manager)).await.status, 200);
    assert_eq!(host.detail(&job).await["message"], "stopped by max");
}
