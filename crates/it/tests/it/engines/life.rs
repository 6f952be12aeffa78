//! The life of a job, the same on every engine.

use serde_json::json;
use trainyard_engine::{Engine as _, Placing};

use super::{World, attempts, id, on_each_engine};
use crate::harness::pod_name;

on_each_engine! {
    a_job_runs_and_succeeds
    a_job_that_fails_is_tried_again
    a_job_that_runs_is_stopped
    a_job_that_is_stopped_in_the_queue_never_starts
    a_running_job_is_stopped_at_its_time_limit
    a_restart_of_the_server_finds_what_runs
    what_is_deleted_is_gone
}

async fn a_job_runs_and_succeeds(world: World) {
    let job = world.job(2, json!({})).await;
    let running = world.start(&job, 1).await;
    assert_eq!(running["reason"], "WorkersRunning");
    let workers = running["attempts"][0]["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2);
    let path = format!("/v1/training/instance/{job}/{}/basic", pod_name(&job, 1));
    let host = world.host.get(&path).await.ok()["hostName"].as_str().unwrap().to_owned();
    let expected = match world.fake.as_ref().map(|fake| fake.placing()) {
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        Some(Placing::Server) => "fake-host".to_owned(),
        Some(Placing::Engine) => "n2".to_owned(),
    };
    assert_eq!(host, expected);
    world.finish(&job, 1, 0).await;
    let ended = world.reaches(&job, "Succeeded").await;
    assert_eq!((attempts(&ended), &ended["reason"]), (1, &json!("Completed")));
    let events = world.host.events(&job).await;
    assert_eq!((events.first().unwrap().as_str(), events.last().unwrap().as_str()), ("NotStarted", "Succeeded"));
}

async fn a_job_that_fails_is_tried_again(world: World) {
    let retry = json!({"enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0});
    let job = world.job(1, retry).await;
    for attempt in 1..=2 {
        world.start(&job, attempt).await;
        world.finish(&job, attempt, 7).await;
    }
    let ended = world.reaches(&job, "Failed").await;
    assert_eq!((attempts(&ended), &ended["reason"]), (2, &json!("WorkerFailed")));
    assert_eq!(ended["attempts"][1]["workers"][0]["exitCode"], 7);
}

async fn a_job_that_runs_is_stopped(world: World) {
    let job = world.job(2, json!({})).await;
    world.start(&job, 1).await;
    world.host.stop(&job).await.ok();
    assert_eq!(world.host.detail(&job).await["status"], "Stopping");
    let ended = world.reaches(&job, "Stopped").await;
    assert_eq!(ended["reason"], "StoppedByUser");
    world.host.stop(&job).await.ok();
}

async fn a_job_that_is_stopped_in_the_queue_never_starts(world: World) {
    let job = world.job(1, json!({})).await;
    world.host.stop(&job).await.ok();
    assert_eq!(world.host.detail(&job).await["status"], "Stopped");
    world.pass().await;
    assert_eq!(attempts(&world.host.detail(&job).await), 0);
    if let Some(fake) = &world.fake {
        assert_eq!(fake.launches(), []);
    }
}

async fn a_running_job_is_stopped_at_its_time_limit(world: World) {
    let job = world.job(1, json!({"enableTimeoutCancel": true, "timeoutSeconds": 2})).await;
    world.start(&job, 1).await;
    world.wait_seconds(3).await;
    let ended = world.reaches(&job, "Failed").await;
    assert_eq!(ended["reason"], "TimedOut");
}

async fn a_restart_of_the_server_finds_what_runs(world: World) {
    let job = world.job(2, json!({})).await;
    world.start(&job, 1).await;
    let world = world.restarted().await;
    world.pass().await;
    assert_eq!(world.host.detail(&job).await["status"], "Running");
    world.finish(&job, 1, 0).await;
    let ended = world.reaches(&job, "Succeeded").await;
    assert_eq!(attempts(&ended), 1);
    if let Some(fake) = &world.fake {
        assert_eq!(fake.launches().len(), 1);
    }
}

async fn what_is_deleted_is_gone(world: World) {
    let job = world.job(1, json!({})).await;
    world.start(&job, 1).await;
    let delete = format!("/v1/training/instance/{job}/delete");
    assert_eq!(world.host.delete(&delete).await.status, 409);
    world.finish(&job, 1, 0).await;
    world.reaches(&job, "Succeeded").await;
    world.host.delete(&delete).await.ok();
    assert_eq!(world.host.get(&format!("/v1/training/instance/{job}/detail")).await.status, 404);
    if let Some(fake) = &world.fake {
        assert!(!fake.has_trace(&id(&job), 1, None).await.unwrap());
    }
}
