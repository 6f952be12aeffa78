//! Jobs of a centre with an engine that places them: handed over at once, queued until the engine starts them.

use std::sync::{Arc, atomic::AtomicI64};

use serde_json::json;
use tempfile::TempDir;
use trainyard_domain::time::{Span, WallTime};
use trainyard_engine::{
    DiskSpace, EngineError, Observed, Problem,
    fake::{FakeEngine, Verb},
};

use super::{COMMAND, World, attempts, capacity, clock, id, nodes, waiting_codes};
use crate::harness::{Host, pod_name};

#[tokio::test(flavor = "multi_thread")]
async fn a_handed_over_job_is_queued_with_the_engines_reasons_and_expected_start() {
    let world = World::engine_placed().await;
    let job = world.job(2, json!({})).await;
    world.pass().await;
    let detail = world.host.detail(&job).await;
    assert_eq!((&detail["status"], attempts(&detail)), (&json!("NotStarted"), 0), "{detail:#}");
    assert_eq!(waiting_codes(&detail), ["WaitingInEngineQueue"]);
    assert_eq!(detail.get("expectedStartTimeMs"), None);

    let expected = WallTime::from_ms(1_796_014_719_000);
    world.fake().wait(&id(&job), 1, &["no node with 48 GB is free", "2 jobs are ahead"], Some(expected));
    world.pass().await;
    let detail = world.host.detail(&job).await;
    assert_eq!(waiting_codes(&detail), ["WaitingInEngineQueue"; 2]);
    assert_eq!(detail["message"], "no node with 48 GB is free; 2 jobs are ahead");
    assert_eq!(detail["expectedStartTimeMs"], 1_796_014_719_000_i64);
    assert_eq!(detail["expectedStartTime"], "2026-11-30 04:58:39");
    let pods = world.host.get(&format!("/v1/training/instance/{job}/pod/list")).await;
    assert_eq!((pods.status, pods.body["data"].as_array().map(Vec::len)), (200, Some(0)), "{}", pods.body);
    for (status, total) in [("Queued", 1), ("NotStarted", 1), ("Starting", 0)] {
        let list = world.host.get(&format!("/v1/training/instance/list?status={status}")).await.ok();
        assert_eq!(list["totalRows"], total, "{status}");
    }

    let running = world.start(&job, 1).await;
    assert_eq!((waiting_codes(&running), running.get("expectedStartTimeMs")), (vec![], None));
    assert_eq!(world.host.events(&job).await, ["NotStarted", "NotStarted", "Running"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_survives_a_restart_and_is_launched_once() {
    let world = World::engine_placed().await;
    let job = world.job(1, json!({})).await;
    // The server ends before it learns the handle, and later once more.
    world.fake().fail_next(Verb::LaunchAnswer, EngineError::Unreachable("timed out".to_owned()));
    world.host.scheduler_pass().await;
    world.host.runner_pass().await;
    for _ in 0..2 {
        let detail = world.host.detail(&job).await;
        assert_eq!(detail["status"], "NotStarted", "{detail:#}");
    }
    let world = world.restarted().await;
    world.pass().await;
    let world = world.restarted().await;
    world.pass().await;
    assert_eq!(world.host.detail(&job).await["status"], "NotStarted");
    assert_eq!(world.fake().launches().len(), 1);
    world.fake().start(&id(&job), 1, &["n1"]);
    world.reaches(&job, "Running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_removes_a_waiting_job_from_the_engines_queue() {
    let world = World::engine_placed().await;
    let job = world.job(1, json!({})).await;
    world.pass().await;
    world.fake().hold_stops();
    world.host.stop(&job).await.ok();
    world.pass().await;
    assert_eq!(world.host.detail(&job).await["status"], "Stopping", "the engine has not confirmed it");
    assert!(!world.fake().stops().is_empty());
    let gone = Observed::Ended {
        started: None,
        ended: WallTime::from_ms(5),
        running: Span::ZERO,
        workers: Vec::new(),
        first_failure: None,
        stopped: true,
    };
    world.fake().set(&id(&job), 1, gone);
    let ended = world.reaches(&job, "Stopped").await;
    assert_eq!(ended["reason"], "StoppedByUser");
    assert_eq!(ended.get("startTimeMs"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_does_not_run_in_the_engines_queue() {
    let world = World::engine_placed().await;
    let job = world.job(1, json!({"enableTimeoutCancel": true, "timeoutSeconds": 60})).await;
    world.pass().await;
    world.wait_seconds(3600).await;
    world.pass().await;
    assert_eq!(world.host.detail(&job).await["status"], "NotStarted");
    let launch = world.fake().launches().remove(0);
    assert_eq!(launch.request.unwrap().time_left, Some(Span::from_seconds(60)));
    world.fake().start(&id(&job), 1, &["n1"]);
    world.wait_seconds(59).await;
    world.reaches(&job, "Running").await;
    world.wait_seconds(2).await;
    assert_eq!(world.reaches(&job, "Failed").await["reason"], "TimedOut");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_keeps_a_time_limit_that_changes_after_the_launch() {
    for limit in [30, 120] {
        let world = World::engine_placed().await;
        let job = world.job(1, json!({"enableTimeoutCancel": true, "timeoutSeconds": 60})).await;
        world.start(&job, 1).await;
        world.host.set_timeout(&job, Some(limit)).await.ok();
        world.wait_seconds(i64::try_from(limit).unwrap() - 1).await;
        world.pass().await;
        assert_eq!(world.host.detail(&job).await["status"], "Running", "{limit}");
        world.wait_seconds(2).await;
        assert_eq!(world.reaches(&job, "Failed").await["reason"], "TimedOut", "{limit}");
        assert_eq!(world.fake().launches().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_mpi_the_engine_starts_the_launcher_alone() {
    let world = World::engine_placed().await;
    let job = world.job(3, json!({"trainingFramwork": "MPI"})).await;
    let detail = world.start(&job, 1).await;
    let launch = world.fake().launches().remove(0);
    assert_eq!(launch.workers.iter().map(|worker| worker.process).collect::<Vec<_>>(), [true, false, false]);
    let workers = detail["attempts"][0]["workers"].as_array().unwrap();
    assert!(workers.iter().all(|worker| worker["status"] == "Running"), "{detail:#}");
    for (rank, host) in [(0, "n1"), (1, "n2"), (2, "n1")] {
        let basic = world.host.get(&format!("/v1/training/instance/{job}/{}/basic", pod_name(&job, rank))).await.ok();
        assert_eq!(basic["hostName"], host, "{rank}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_handed_over_at_once_in_the_order_of_our_queue() {
    let world = World::engine_placed().await;
    let mut jobs = Vec::new();
    for priority in [1, 3, 2, 3] {
        // Each takes more than the whole cluster has.
        let resource = json!({"workerCount": 100, "cpuCores": 64, "memoryGB": "64", "gpuCount": 8});
        jobs.push(world.job(1, json!({"priority": priority, "resource": resource})).await);
    }
    world.pass().await;
    let launched: Vec<String> = world.fake().launches().iter().map(|launch| launch.job.to_string()).collect();
    assert_eq!(launched, [&jobs[1], &jobs[3], &jobs[2], &jobs[0]].map(String::clone));
    let launch = world.fake().launches().remove(0);
    assert!(launch.files.is_empty() && launch.workers.iter().all(|worker| worker.env.is_empty()));
    assert_eq!((launch.workers.len(), launch.request.unwrap().spec.size.gpus), (100, 8));
    let free = world.host.get("/v1/aidc/list").await.ok()[0]["free"].clone();
    assert_eq!((free["cpuCores"].as_f64(), &free["gpus"][0]["count"]), (Some(128.0), &json!(16)), "nothing is held");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_judges_a_spec_for_the_preview_and_the_creation_alike() {
    let world = World::engine_placed().await;
    let template = json!({"name": "t", "startCommand": COMMAND, "image": "pytorch:2", "resource": {"memoryGB": "1"}});
    let id = &world.host.post("/v1/training/template/create", &template).await.created_id();
    let preview = async || {
        let path = format!("/v1/training/template/{id}/preview");
        world.host.post(&path, &json!({"createType": "TEMPLATE"})).await.ok()
    };
    let problem =
        |path: &str, refuses: bool| Problem { path: path.to_owned(), message: "not here".to_owned(), refuses };
    world.fake().add_problem(problem("priority", false));
    let shown = preview().await;
    assert_eq!((&shown["runnable"], &shown["warnings"][0]["path"]), (&json!(true), &json!("priority")), "{shown:#}");
    let environment = shown["workers"][0]["env"].as_object().unwrap();
    assert_eq!(environment["TRAINYARD_HOSTFILE"], "<decided on the node>", "{environment:#?}");
    let create = json!({"createType": "TEMPLATE", "templateId": id});
    let job = world.host.post("/v1/training/instance/create", &create).await.ok();
    let detail = world.host.detail(job["id"].as_str().unwrap()).await;
    assert_eq!(detail["warnings"][0]["path"], "priority");

    world.fake().add_problem(problem("image", true));
    assert_eq!(preview().await["runnable"], false);
    let refused = world.host.post("/v1/training/instance/create", &create).await;
    assert_eq!(refused.faults(), [("image".to_owned(), "not_supported".to_owned())], "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn low_disk_stops_new_work_only_where_jobs_write_into_the_data_directory() {
    let (here, there) = (FakeEngine::new(capacity(), "/fake"), FakeEngine::cluster(nodes()));
    here.set_disk_space(DiskSpace { free_bytes: 1 << 20, size_bytes: 1 << 40 });
    let (engines, passed) = ([Arc::new(here), Arc::new(there)], Arc::new(AtomicI64::new(0)));
    let config = "[[centre]]\nid = 1\nname = \"here\"\n[[centre]]\nid = 2\nname = \"there\"\n";
    let host = Host::open_on(&engines, clock(&passed), TempDir::new().unwrap(), config).await;
    let small = |centre: u32| json!({"aidcId": centre, "resource": {"memoryGB": "0.1"}});
    let (kept, handed_over) = (host.job("true", small(1)).await, host.job("true", small(2)).await);
    host.scheduler_pass().await;
    host.runner_pass().await;
    assert_eq!(waiting_codes(&host.detail(&kept).await), ["WaitingForDisk", "FirstInQueue"]);
    assert_eq!((engines[0].launches().len(), engines[1].launches().len()), (0, 1));
    assert_eq!(waiting_codes(&host.detail(&handed_over).await), ["WaitingInEngineQueue"]);
    let basic = host.get(&format!("/v1/training/instance/{handed_over}/{}/basic", pod_name(&handed_over, 0))).await;
    assert_eq!(basic.status, 404, "it runs nowhere yet");
}
