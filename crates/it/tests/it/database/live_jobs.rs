//! Jobs of the version before that still run when this version opens its database: their shims started from the launch
//! records of that version, and the database has the handles that it saved.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::old_data_dir;
use crate::{
    caller::until,
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
    processes,
};

/// A launch record of a released version, for one worker.
const LAUNCH: &str = include_str!("../../../../engine/tests/fixtures/format-1/launch.json");
/// A job with two workers that runs.
const RUNNING: &str = "job_1a22ad1c30954900bcbd";
/// A job with one worker that a user has stopped.
const STOPPING: &str = "job_1a22ad1c3128fa501c22";

/// Starts the attempt of an old job as the server of that version did; returns its shim when all workers have printed.
async fn start_shim(data: &Path, job: &str, workers: u64) -> Child {
    let job_dir = data.join("jobs").join(job);
    let attempt = job_dir.join("attempt-1");
    for dir in [&attempt, &job_dir.join("work"), &job_dir.join("checkpoint"), &job_dir.join("tmp")] {
        fs::create_dir_all(dir).unwrap();
    }
    let text = LAUNCH.replace("/DATA", data.to_str().unwrap()).replace("job_THIS", job);
    let mut launch: Value = serde_json::from_str(&text).unwrap();
    let one = launch["workers"][0].clone();
    let ranks = (0..workers).map(|rank| {
        let mut worker = one.clone();
        worker["rank"] = json!(rank);
        worker
    });
    launch["workers"] = ranks.collect();
    fs::write(attempt.join("launch.json"), launch.to_string()).unwrap();
    fs::write(attempt.join("lock"), "").unwrap();
    let shim = Command::new(PROGRAM).arg("shim").arg(&attempt).stdin(Stdio::null()).spawn().unwrap();
    let log = |rank| PathBuf::from(&attempt).join(format!("worker-{rank}.log"));
    until(async || {
        let texts: Vec<_> = (0..workers).map(|rank| fs::read_to_string(log(rank)).unwrap_or_default()).collect();
        if texts.iter().all(|text| text == "hi\n") { Ok(()) } else { Err(texts) }
    })
    .await;
    shim
}

#[tokio::test(flavor = "multi_thread")]
async fn live_jobs_of_the_version_before_are_found_with_their_processes_and_stopped() {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let dir = old_data_dir(boot.trim()).await;
    let data = dir.path().join("data");
    let mut shims = [start_shim(&data, RUNNING, 2).await, start_shim(&data, STOPPING, 1).await];
    let before = processes::of_job(RUNNING);
    let daemon = Daemon::start_in(dir, PROGRAM.into(), ROOMY, &[]).await;
    // The stop that the old server committed reaches the shim.
    let stopped = daemon.wait_for_end(STOPPING).await;
    assert_eq!(stopped["status"], "Stopped", "{stopped:#}");
    assert_eq!(stopped["attempts"][0]["workers"][0]["exitCode"], 7);
    let detail = daemon.detail(RUNNING).await;
    assert_eq!((&detail["status"], detail["attempts"].as_array().unwrap().len()), (&json!("Running"), 1), "{detail:#}");
    assert_eq!(processes::of_job(RUNNING), before, "no worker ended or started again");
    assert_eq!(daemon.log(RUNNING, 1).await, "hi\n");
    daemon.stop(RUNNING).await.ok();
    let detail = daemon.wait_for_end(RUNNING).await;
    assert_eq!(detail["status"], "Stopped", "{detail:#}");
    for worker in detail["attempts"][0]["workers"].as_array().unwrap() {
        assert_eq!(worker["exitCode"], 7, "{detail:#}");
    }
    assert_eq!(daemon.log(RUNNING, 0).await, "hi\nsaved\n");
    processes::assert_dead(RUNNING);
    for shim in &mut shims {
        assert!(shim.wait().unwrap().success());
    }
}
