//! What the workers of a job share is there once: for the engine, on the disk, and in answers.

use serde_json::{Value, json};
use trainyard_engine::fake::FakeEngine;

use super::World;

/// As much of an environment as a request may carry.
fn env() -> Value {
    json!({"A": "a".repeat(120_000), "B": "b".repeat(120_000)})
}

fn spec(workers: u32) -> Value {
    json!({"startCommand": "exec sleep 1000", "trainingFramwork": "PyTorch", "env": env(), "stopGraceSeconds": 1,
           "resource": {"workerCount": workers, "cpuCores": "0.001", "memoryGB": "0.01"}})
}

async fn create(world: &World, workers: u32) -> String {
    let mut body = spec(workers);
    body["createType"] = json!("CUSTOM");
    world.host.post("/v1/training/instance/create", &body).await.created_id()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_gets_the_environment_of_a_thousand_workers_once() {
    let world = World::server_placed().await;
    let size = async |workers: u32| {
        let job = create(&world, workers).await;
        world.reaches(&job, "Running").await;
        let launches = world.fake.as_deref().map(FakeEngine::launches).unwrap();
        let detail = world.host.detail(&job).await.to_string().len();
        (serde_json::to_vec(launches.last().unwrap()).unwrap().len(), detail)
    };
    let (one, thousand) = (size(1).await, size(1000).await);
    assert!(one.0 > 240_000 && thousand.0 < one.0 + 200_000, "launch: {one:?} {thousand:?}");
    assert!(one.1 > 240_000 && thousand.1 < one.1 + 500_000, "detail: {one:?} {thousand:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_thousand_workers_is_hardly_larger_than_one_of_a_few() {
    let world = World::server_placed().await;
    let size = async |workers: u32| {
        let mut body = spec(workers);
        body["name"] = json!(format!("large {workers}"));
        let template = world.host.post("/v1/training/template/create", &body).await.created_id();
        let path = format!("/v1/training/template/{template}/preview");
        let preview = world.host.post(&path, &json!({})).await.ok();
        assert_eq!(preview["runnable"], true);
        let shown = preview["workers"].as_array().unwrap().len() as u64;
        assert_eq!(shown + preview["moreWorkers"].as_u64().unwrap_or(0), u64::from(workers));
        preview.to_string().len()
    };
    let (four, thousand) = (size(4).await, size(1000).await);
    assert!(four > 240_000 && thousand < 2_000_000, "{four} {thousand}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_on_the_disk_has_the_environment_once_and_every_worker_gets_all_of_it() {
    let world = World::local().await;
    let mut body = spec(20);
    body["createType"] = json!("CUSTOM");
    body["startCommand"] = json!("echo $RANK $TRAINYARD_RANK ${#A} ${#B} $WORLD_SIZE.");
    let job = world.host.post("/v1/training/instance/create", &body).await.created_id();
    world.reaches(&job, "Succeeded").await;
    for rank in [0, 1, 19] {
        assert_eq!(world.host.log(&job, rank).await, format!("{rank} {rank} 120000 120000 20.\n"));
    }
    let record = world.host.dir.path().join("data/jobs").join(&job).join("attempt-1/launch.json");
    let size = std::fs::metadata(record).unwrap().len();
    assert!((240_000..300_000).contains(&size), "{size}");
}
