//! A centre is removed from the configuration while its jobs are queued, starting or running.

use std::{fs, time::Instant};

use serde_json::{Value, json};
use trainyard_domain::id::CentreId;

use crate::{
    daemon::Daemon,
    harness::{Host, has_ended},
};

const CREATE: &str = "/v1/training/instance/create";

/// The configuration of one centre with four cores.
fn one_centre(id: u32) -> String {
    format!("[[centre]]\nid = {id}\nname = \"c{id}\"\ncapacity = {{ cpu_cores = 4, memory_gb = 4, gpus = [] }}\n")
}

fn small(more: Value) -> Value {
    let mut small = json!({"resource": {"cpuCores": 1, "memoryGB": 0.1}, "stopGraceSeconds": 1});
    small.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    small
}

#[tokio::test(flavor = "multi_thread")]
async fn running_jobs_of_a_removed_centre_continue_and_no_job_starts_there() {
    let mut daemon = Daemon::start(&one_centre(1), &[]).await;
    let started = Instant::now();
    let wait_for_go = "echo up; until [ -e go ]; do sleep 0.05; done; echo went";
    let ends = daemon.job(wait_for_go, small(json!({}))).await;
    let stopped = daemon.job("echo up; sleep 600", small(json!({}))).await;
    let too_long = daemon.job("echo up; sleep 600", small(json!({}))).await;
    let fails = daemon.job(&format!("{wait_for_go}; exit 3"), small(json!({"enableAutoRetry": true}))).await;
    for job in [&ends, &stopped, &too_long, &fails] {
        daemon.wait_for_status(job, "Running").await;
        daemon.wait_for_output(job, 0, "up").await;
    }
    let queued = daemon.job("true", small(json!({}))).await;
    assert!(daemon.terminate().await.success());
    fs::write(daemon.dir.path().join("config.toml"), one_centre(7)).unwrap();
    daemon.start_again();
    daemon.wait_until_ready().await;

    let is_removed = |detail: &Value| detail["waitingFor"].to_string().contains("centre 1 is not in the configuration");
    daemon.wait_until(&queued, is_removed).await;
    let refused = daemon.post(CREATE, &json!({"createType": "CUSTOM", "startCommand": "true", "aidcId": 1})).await;
    assert_eq!(refused.faults()[0].0, "aidcId", "{}", refused.body);
    assert_eq!(daemon.post(&format!("/v1/training/instance/{queued}/restart"), &json!({})).await.status, 409);
    let free = daemon.get("/v1/aidc/list").await.ok()[0]["free"]["cpuCores"].as_f64();
    assert_eq!(free, Some(0.0), "the running jobs still hold the resources of the host");
    let other = daemon.job("echo here", json!({"aidcId": 7, "resource": {"cpuCores": 4, "memoryGB": 0.1}})).await;

    daemon.stop(&stopped).await.ok();
    assert_eq!(daemon.wait_for_end(&stopped).await["status"], "Stopped");
    daemon.set_timeout(&too_long, Some(started.elapsed().as_secs() + 3)).await.ok();
    let detail = daemon.wait_for_end(&too_long).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")), "{detail:#}");
    let work = |job: &str| daemon.data().join("jobs").join(job).join("work");
    for job in [&ends, &fails] {
        fs::write(work(job).join("go"), "").unwrap();
    }
    assert_eq!(daemon.wait_for_end(&ends).await["status"], "Succeeded");
    assert_eq!(daemon.log(&ends, 0).await, "up\nwent\n");
    // The next attempt never starts, since the centre is not configured.
    let detail = daemon.wait_until(&fails, |detail| detail["status"] == "Retrying" || is_removed(detail)).await;
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 1, "{detail:#}");
    for job in [&queued, &fails] {
        daemon.stop(job).await.ok();
        assert_eq!(daemon.wait_for_end(job).await["status"], "Stopped");
    }
    assert_eq!(daemon.wait_for_end(&other).await["status"], "Succeeded", "the job starts when the host is free again");
    assert_eq!(daemon.log(&other, 0).await, "here\n");
    daemon.delete(&format!("/v1/training/instance/{ends}/delete")).await.ok();
    assert!(!work(&ends).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_placed_on_a_removed_centre_never_starts() {
    let host = Host::start_without_loops(&one_centre(1)).await;
    let job = host.job("echo ran > ../checkpoint/ran", small(json!({}))).await;
    let stopping = host.job("true", small(json!({}))).await;
    host.scheduler_pass().await;
    host.stop(&stopping).await.ok();
    assert_eq!(host.detail(&job).await["status"], "Starting");

    let host = Host::open(host.close().await, &one_centre(7)).await;
    for _ in 0..2 {
        host.runner_pass().await;
    }
    let detail = host.detail(&job).await;
    assert!(has_ended(&detail), "{detail:#}");
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")));
    assert!(detail["message"].as_str().unwrap().contains("centre 1 was removed from the configuration"), "{detail:#}");
    assert!(!host.dir.path().join("data/jobs").join(&job).join("checkpoint/ran").exists());
    assert_eq!(host.detail(&stopping).await["status"], "Stopped");
}

const OTHER_ENGINE: &str = r#"{"engine":"slurm"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_removed_centre_are_left_alone_by_every_other_engine() {
    let host = Host::start_without_loops(&one_centre(1)).await;
    let waiting = host.job("true", small(json!({}))).await;
    let job = host.job("sleep 600", small(json!({}))).await;
    host.scheduler_pass().await;
    // The record says that another engine ran the jobs of centre 1, which this version does not have.
    host.server.app.store.save_centre_engine(CentreId(1), OTHER_ENGINE).await.unwrap();

    let host = Host::open(host.close().await, &one_centre(7)).await;
    for _ in 0..2 {
        host.scheduler_pass().await;
        host.runner_pass().await;
    }
    for id in [&job, &waiting] {
        assert_eq!(host.detail(id).await["status"], "Starting", "the local engine must not start or end it");
    }
    assert_eq!(host.get(&crate::harness::log_path(&job, 0)).await.status, 503);
    host.stop(&job).await.ok();
    host.runner_pass().await;
    assert_eq!(host.detail(&job).await["status"], "Stopping", "only its own engine can confirm a stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_keeps_its_engine_until_its_jobs_have_ended() {
    let host = Host::start_without_loops(&one_centre(1)).await;
    let job = host.job("true", small(json!({}))).await;
    host.server.app.store.save_centre_engine(CentreId(1), OTHER_ENGINE).await.unwrap();
    let dir = host.close().await;
    let (dir, refused) = Host::try_open(dir, &one_centre(1)).await;
    let message = refused.err().unwrap();
    assert!(message.contains("centre 1: engine = \"local\", but 1 of its jobs has not ended"), "{message}");

    let host = Host::open(dir, &one_centre(7)).await;
    host.stop(&job).await.ok();
    assert_eq!(host.detail(&job).await["status"], "Stopped", "a queued job needs no engine");
    Host::open(host.close().await, &one_centre(1)).await;
}
