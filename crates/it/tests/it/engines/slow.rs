//! An engine that does not answer delays no job of another centre, and not the end of the server.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Wakeup, fake::FakeEngine};
use trainyard_server::loops::Runner;

use super::{capacity, clock, id, nodes};
use crate::harness::{Host, until};

/// A server with loops: centre 1 is placed by the server, centre 2 by its engine.
struct World {
    host: Host,
    here: Arc<FakeEngine>,
    there: Arc<FakeEngine>,
}

impl World {
    async fn new() -> Self {
        let (here, there) = (FakeEngine::new(capacity(), "/fake"), FakeEngine::cluster(nodes()));
        let (here, there, passed) = (Arc::new(here), Arc::new(there), Arc::new(AtomicI64::new(0)));
        there.start_at_once();
        let engines = [Arc::clone(&here), Arc::clone(&there)];
        let config = "[[centre]]\nid = 1\nname = \"here\"\n[[centre]]\nid = 2\nname = \"there\"\n";
        let host = Host::open_on(&engines, clock(&passed), TempDir::new().unwrap(), config).await;
        host.server.start_loops();
        Self { host, here, there }
    }

    async fn job(&self, centre: u32) -> String {
        self.host.job("true", json!({"aidcId": centre, "resource": {"memoryGB": "0.1"}})).await
    }

    async fn reaches(&self, job: &str, status: &str) -> Value {
        self.host.wait_until(job, |detail| detail["status"] == status).await
    }

    /// A job of centre 1 runs and ends, by signals and wakeups alone.
    async fn a_job_here_goes_through(&self) {
        let job = self.job(1).await;
        self.reaches(&job, "Running").await;
        self.here.finish(&id(&job), 1, 0, Exit::Code(0));
        self.reaches(&job, "Succeeded").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_engine_delays_no_job_of_another() {
    let world = World::new().await;
    let running = world.job(2).await;
    world.reaches(&running, "Running").await;
    world.there.hang(true);
    // The hanging engine is asked for a start, for a stop, and for what runs.
    let queued = world.job(2).await;
    world.host.stop(&running).await.ok();
    for _ in 0..2 {
        world.a_job_here_goes_through().await;
    }
    assert_eq!(world.host.detail(&running).await["status"], "Stopping");
    assert_eq!(world.host.detail(&queued).await["status"], "NotStarted");
    world.there.hang(false);
    world.reaches(&running, "Stopped").await;
    world.reaches(&queued, "Running").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_although_an_engine_hangs_and_the_next_one_continues() {
    let world = World::new().await;
    let running = world.job(2).await;
    world.reaches(&running, "Running").await;
    world.there.hang(true);
    let queued = world.job(2).await;
    until(async || {
        let is_asked = world.host.detail(&queued).await["waitingFor"].to_string().contains("WaitingInEngineQueue");
        if is_asked { Ok(()) } else { Err("the job was not handed over") }
    })
    .await;
    let begun = Instant::now();
    let World { host, here, there } = world;
    let dir = host.close().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    there.hang(false);
    let config = std::fs::read_to_string(dir.path().join("config.toml")).unwrap();
    let engines = [Arc::clone(&here), Arc::clone(&there)];
    let host = Host::open_on(&engines, clock(&Arc::new(AtomicI64::new(0))), dir, &config).await;
    host.server.start_loops();
    for job in [&running, &queued] {
        host.wait_until(job, |detail| detail["status"] == "Running").await;
    }
    assert_eq!(there.launches().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_reaches_the_runner_of_another_centre_is_passed_on() {
    let (here, there) = (FakeEngine::new(capacity(), "/fake"), FakeEngine::cluster(nodes()));
    let engines = [Arc::new(here), Arc::new(there)];
    let config = "[[centre]]\nid = 1\nname = \"here\"\n[[centre]]\nid = 2\nname = \"there\"\n";
    let host = Host::open_on(&engines, clock(&Arc::new(AtomicI64::new(0))), TempDir::new().unwrap(), config).await;
    let job = id(&host.job("true", json!({"aidcId": 1, "resource": {"memoryGB": "0.1"}})).await);
    host.scheduler_pass().await;
    let [own, other] = &mut Runner::all(&host.server.app)[..] else { panic!("two centres") };
    // The scheduler has named it already.
    let named = Wakeup::Of([job.clone()].into());
    assert_eq!(own.wakeup().await, named);
    other.pass_over([job.clone()].into()).await.unwrap();
    assert_eq!(engines[0].launches().len(), 0, "the other runner starts nothing here");
    assert_eq!(own.wakeup().await, named);
    own.pass_over([job].into()).await.unwrap();
    assert_eq!(engines[0].launches().len(), 1);
}
