//! An engine that cannot be reached says nothing: states stay, nothing is given up, nothing is started twice.

use serde_json::{Value, json};
use trainyard_engine::{BusyGpu, EngineError, fake::Verb};

use super::{World, attempts, id, waiting_codes};

/// Longer than any time limit of the server for a start.
const LONG_SECONDS: i64 = 3600;

fn says_since_when(detail: &Value) -> bool {
    let message = detail["message"].as_str().unwrap();
    message.contains("the engine of centre 1 has not been reachable since 20") && message.ends_with("no route to host")
}

#[tokio::test(flavor = "multi_thread")]
async fn states_stay_and_the_reason_says_since_when() {
    for world in [World::server_placed().await, World::engine_placed().await] {
        let running = world.job(2, json!({"enableAutoRetry": true})).await;
        world.start(&running, 1).await;
        let before = world.host.events(&running).await;
        world.fake().set_unreachable(Some("no route to host"));
        world.pass().await;
        let first = world.host.detail(&running).await;
        world.wait_seconds(LONG_SECONDS).await;
        for _ in 0..3 {
            world.pass().await;
        }
        let detail = world.host.detail(&running).await;
        assert_eq!(
            (&detail["status"], &detail["reason"]),
            (&json!("Running"), &json!("EngineUnreachable")),
            "{detail:#}"
        );
        assert!(says_since_when(&detail), "{detail:#}");
        assert_eq!(detail["message"], first["message"], "since when does not move");
        assert_eq!((attempts(&detail), world.host.events(&running).await), (1, before));
        let list = world.host.get("/v1/training/instance/list?status=Running").await.ok();
        assert_eq!(list["records"][0]["reason"], "EngineUnreachable");
        let notes = world.host.get("/v1/aidc/list").await.ok()[0]["notes"].clone();
        assert!(notes[0].as_str().unwrap().contains("has not been reachable"), "{notes}");

        world.fake().set_unreachable(None);
        world.pass().await;
        let detail = world.host.detail(&running).await;
        assert_eq!((&detail["status"], &detail["reason"]), (&json!("Running"), &json!("WorkersRunning")));
        world.finish(&running, 1, 0).await;
        assert_eq!(attempts(&world.reaches(&running, "Succeeded").await), 1);
        assert_eq!(world.fake().launches().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_kept_until_the_engine_answers() {
    let world = World::engine_placed().await;
    let job = world.job(1, json!({})).await;
    world.start(&job, 1).await;
    world.fake().set_unreachable(Some("no route to host"));
    world.host.stop(&job).await.ok();
    world.pass().await;
    let detail = world.host.detail(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Stopping"), &json!("EngineUnreachable")));
    assert!(detail["message"].as_str().unwrap().contains("stopped by admin"), "{detail:#}");
    world.fake().set_unreachable(None);
    assert_eq!(world.reaches(&job, "Stopped").await["reason"], "StoppedByUser");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_without_an_answer_is_neither_given_up_nor_repeated() {
    for world in [World::server_placed().await, World::engine_placed().await] {
        let job = world.job(1, json!({"enableAutoRetry": true})).await;
        world.fake().fail_next(Verb::LaunchAnswer, EngineError::Unreachable("timed out".to_owned()));
        world.host.scheduler_pass().await;
        world.host.runner_pass().await;
        world.fake().set_unreachable(Some("no route to host"));
        for _ in 0..3 {
            world.wait_seconds(LONG_SECONDS).await;
            world.host.runner_pass().await;
        }
        let detail = world.host.detail(&job).await;
        let stays = if detail["status"] == "Starting" { "Starting" } else { "NotStarted" };
        assert_eq!((&detail["status"], &detail["reason"]), (&json!(stays), &json!("EngineUnreachable")), "{detail:#}");
        world.fake().set_unreachable(None);
        world.fake().fail_next(Verb::Launch, EngineError::Unavailable("busy".to_owned()));
        world.host.runner_pass().await;
        assert_eq!(
            attempts(&world.host.detail(&job).await),
            usize::from(stays == "Starting"),
            "it has just been tried"
        );
        world.pass().await;
        world.fake().start(&id(&job), 1, &["n1"]);
        let running = world.reaches(&job, "Running").await;
        assert_eq!((attempts(&running), world.fake().launches().len()), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_engine_gets_no_jobs_and_a_queued_job_stops_at_once() {
    let world = World::engine_placed().await;
    world.fake().set_unreachable(Some("no route to host"));
    let first = world.job(1, json!({})).await;
    // The first launch finds out.
    world.pass().await;
    let (second, third) = (world.job(1, json!({})).await, world.job(1, json!({})).await);
    world.pass().await;
    for job in [&first, &second, &third] {
        let detail = world.host.detail(job).await;
        assert_eq!((&detail["status"], waiting_codes(&detail)), (&json!("NotStarted"), vec!["EngineUnreachable"]));
        assert!(says_since_when(&detail), "{detail:#}");
    }
    world.host.stop(&second).await.ok();
    assert_eq!(world.host.detail(&second).await["status"], "Stopped");
    world.fake().set_unreachable(None);
    world.until(&third, |_| world.fake().launches().len() == 2).await;
    assert_eq!(attempts(&world.start(&first, 1).await), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_while_an_engine_is_unreachable_and_finds_its_jobs_later() {
    let world = World::engine_placed().await;
    let job = world.job(1, json!({})).await;
    world.start(&job, 1).await;
    world.fake().set_unreachable(Some("no route to host"));
    let world = world.restarted().await;
    world.pass().await;
    let detail = world.host.detail(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Running"), &json!("EngineUnreachable")));
    // The capacity is unknown, so the server refuses no job for its size.
    let centre = world.host.get("/v1/aidc/list").await.ok()[0].clone();
    assert_eq!(centre["capacity"]["cpuCores"], 0);
    assert!(centre["notes"][1].as_str().unwrap().contains("what the engine can allocate is not known"), "{centre:#}");
    let large = world.job(1, json!({"resource": {"cpuCores": 5000, "memoryGB": "5000"}})).await;
    world.fake().set_unreachable(None);
    world.finish(&job, 1, 0).await;
    world.reaches(&job, "Succeeded").await;
    world.until(&large, |detail| waiting_codes(detail) == ["WaitingInEngineQueue"]).await;
    // A pass has asked for the capacity again.
    let centre = world.host.get("/v1/aidc/list").await.ok()[0].clone();
    assert_eq!((&centre["capacity"]["cpuCores"], &centre["capacity"]["gpus"][0]["count"]), (&json!(128), &json!(16)));
    assert!(centre["notes"][0].as_str().unwrap().contains("not what others hold"), "{centre:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_of_the_servers_placing_learns_its_capacity_later_and_then_starts_jobs() {
    let world = World::server_placed().await;
    world.fake().set_unreachable(Some("no route to host"));
    let world = world.restarted().await;
    world.fake().set_unreachable(None);
    world.fake().set_busy_gpus(Some(vec![BusyGpu { index: 0, what: "used by process 1".to_owned() }]));
    world.host.runner_pass().await;
    let centre = world.host.get("/v1/aidc/list").await.ok()[0].clone();
    assert_eq!(centre["capacity"]["gpus"][0]["count"], 8);
    assert_eq!((&centre["free"]["gpus"][0]["count"], &centre["gpusAside"][0]["index"]), (&json!(7), &json!(0)));
    let job = world.job(1, json!({})).await;
    world.start(&job, 1).await;
}
