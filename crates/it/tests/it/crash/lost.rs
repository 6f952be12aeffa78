//! Lost attempts: a killed shim, a rebooted host.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{attempt_dir, record, shim_pid};
use crate::{caller::until, daemon::Daemon, harness::ROOMY, processes};

/// Ends all processes of an attempt as a power cut would, and changes the recorded boot id as a reboot would.
async fn reboot(daemon: &mut Daemon, job: &str, attempt: u32) {
    let dir = attempt_dir(&daemon.data(), job, attempt);
    daemon.kill();
    processes::signal(shim_pid(&dir), Signal::KILL);
    until(async || {
        let left = processes::of_job(job);
        for pid in &left {
            processes::signal(*pid, Signal::KILL);
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    for name in ["started", "status.json"] {
        let mut text = record(&dir, name).unwrap();
        text["boot_id"] = "00000000-0000-4000-8000-000000000000".into();
        std::fs::write(dir.join(name), text.to_string()).unwrap();
    }
    daemon.start_again();
    daemon.wait_until_ready().await;
}

fn reasons(detail: &Value) -> Vec<&str> {
    detail["attempts"].as_array().unwrap().iter().map(|attempt| attempt["reason"].as_str().unwrap()).collect()
}

const UNTIL_THE_THIRD: &str = "echo begun; [ $TRAINYARD_ATTEMPT = 3 ] && exit 0; exec sleep 1000";

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_uses_only_the_platforms_retry_budget() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let more = json!({"enableAutoRetry": true, "maxRetryCount": 0, "retryDelaySeconds": 0});
    let job = daemon.job(UNTIL_THE_THIRD, more).await;
    for attempt in 1..=2_u32 {
        let is_up = |detail: &Value| detail["status"] == "Running" && reasons(detail).len() == attempt as usize;
        daemon.wait_until(&job, is_up).await;
        reboot(&mut daemon, &job, attempt).await;
    }
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(
        (&detail["status"], reasons(&detail)),
        (&json!("Succeeded"), vec!["WorkerLost", "WorkerLost", "Completed"])
    );
    let message = detail["attempts"][0]["message"].as_str().unwrap();
    assert!(message.contains("rebooted while the attempt ran"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_retries_does_not_run_again_after_a_reboot() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let job = daemon.job("echo begun; exec sleep 1000", json!({})).await;
    let waiting = daemon.job("true", json!({"resource": {"cpuCores": 64}})).await;
    daemon.wait_for_output(&job, 0, "begun").await;
    daemon.wait_for_status(&job, "Running").await;
    reboot(&mut daemon, &job, 1).await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")));
    assert_eq!(reasons(&detail), ["WorkerLost"]);
    assert_eq!(daemon.log(&job, 0).await, "begun\n");
    assert_eq!(daemon.wait_for_end(&waiting).await["status"], "Succeeded", "the waiting job runs now");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_time_of_a_lost_attempt_counts_for_the_time_limit() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let more = json!({
        "enableTimeoutCancel": true, "timeoutSeconds": 6, "enableAutoRetry": true, "retryDelaySeconds": 0,
    });
    let job = daemon.job("sleep 4; echo slept; exec sleep 1000", more).await;
    daemon.wait_for_output(&job, 0, "slept").await;
    processes::signal(shim_pid(&attempt_dir(&daemon.data(), &job, 1)), Signal::KILL);
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(
        (&detail["reason"], reasons(&detail)),
        (&json!("TimedOut"), vec!["WorkerLost", "TimedOut"]),
        "{detail:#}"
    );
    let second = &detail["attempts"][1];
    let ran_ms = second["endTimeMs"].as_i64().unwrap() - second["startTimeMs"].as_i64().unwrap();
    assert!(ran_ms < 5_500, "the attempt ran for {ran_ms} ms, but only 2 of 6 s were left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_shim_leaves_complete_logs_no_process_and_uses_the_configured_budget() {
    let daemon = Daemon::start(&format!("platform_retries = 1\n{ROOMY}"), &[]).await;
    let lines: String = (0..2000).map(|i| format!("line {i}\n")).collect();
    let command = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000";
    let job = daemon.job(command, json!({"enableAutoRetry": true, "retryDelaySeconds": 0})).await;
    for attempt in 1..=2_u32 {
        daemon
            .wait_until(&job, |detail| detail["status"] == "Running" && reasons(detail).len() == attempt as usize)
            .await;
        daemon.wait_for_output(&job, 0, "line 1999\n").await;
        processes::signal(shim_pid(&attempt_dir(&daemon.data(), &job, attempt)), Signal::KILL);
    }
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("PlatformFault")), "{detail:#}");
    assert_eq!(reasons(&detail), ["WorkerLost", "PlatformFault"]);
    for attempt in 1..=2 {
        let log = daemon.log_bytes(&job, 0, &format!("?attempt={attempt}")).await;
        assert_eq!(String::from_utf8(log).unwrap(), lines);
    }
    let left = processes::of_job(&job);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
}
