//! The same jobs and logs on three engines: the local one, and the fake one with both placings. Behaviour that only one
//! of them has is tested separately.
//!
//! No loop runs: each test calls the passes, so it decides what happens between them.

mod deleted_folders;
mod handed_over;
mod life;
mod logs;
mod many_workers;
mod slow;
mod unreachable;
mod unreadable;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_domain::{
    attempt::Exit,
    capacity::{Capacity, GB, Gpu},
    id::JobId,
    time::WallTime,
};
use trainyard_engine::{Engine as _, Launch, Node, Placing, Resources, fake::FakeEngine};
use trainyard_server::clock::Clock;

use crate::harness::{Host, ROOMY, until};

/// Runs a scenario on each engine, each in a test of its own.
macro_rules! on_each_engine {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(crate::engines::World::local().await).await;
            })*
        }
        mod fake_that_the_server_places {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(crate::engines::World::server_placed().await).await;
            })*
        }
        mod fake_that_places_itself {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(crate::engines::World::engine_placed().await).await;
            })*
        }
    };
}
use on_each_engine;

/// A command that is controlled by files in its working directory: it prints the content of `say-…`, and exits with the
/// status in `end-…`.
const COMMAND: &str = "n=$TRAINYARD_ATTEMPT-$TRAINYARD_RANK\n\
    while :; do\n\
      if [ -e say-$n ]; then cat say-$n; rm say-$n; fi\n\
      if [ -e end-$n ]; then exit $(cat end-$n); fi\n\
      sleep 0.02\n\
    done";

/// A server without loops on one engine.
struct World {
    host: Host,
    /// `None` where the engine is the local one.
    fake: Option<Arc<FakeEngine>>,
    /// Milliseconds that the test has let pass on the server's clocks.
    passed: Arc<AtomicI64>,
}

fn capacity() -> Capacity {
    let gpu = |index| Gpu { index, model: "NVIDIA-L40S-PCIE-48G".to_owned() };
    Capacity { cpu_milli: 64_000, memory_bytes: 64 * GB, gpus: (0..8).map(gpu).collect() }
}

fn nodes() -> Resources {
    let node = |name: &str| Node { name: name.to_owned(), capacity: capacity() };
    Resources::Nodes(vec![node("n1"), node("n2")])
}

/// The clocks of this host, ahead by the time that the test has let pass.
fn clock(passed: &Arc<AtomicI64>) -> Clock {
    let system = Clock::system();
    let (wall, steady) = (system.clone(), system);
    let ahead = (Arc::clone(passed), Arc::clone(passed));
    Clock::from_both(
        move || wall.now().as_ms() + ahead.0.load(Relaxed),
        move || steady.steady().as_ms() + ahead.1.load(Relaxed),
    )
}

const ONE_CENTRE: &str = "[[centre]]\nid = 1\nname = \"fake\"\n";

impl World {
    async fn local() -> Self {
        let passed = Arc::new(AtomicI64::new(0));
        let host = Host::start_with_clock(clock(&passed), ROOMY).await;
        Self { host, fake: None, passed }
    }

    async fn server_placed() -> Self {
        Self::on(FakeEngine::new(capacity(), "/fake")).await
    }

    async fn engine_placed() -> Self {
        Self::on(FakeEngine::cluster(nodes())).await
    }

    async fn on(engine: FakeEngine) -> Self {
        let (engine, passed) = (Arc::new(engine), Arc::new(AtomicI64::new(0)));
        let engines = [Arc::clone(&engine)];
        let host = Host::open_on(&engines, clock(&passed), TempDir::new().unwrap(), ONE_CENTRE).await;
        Self { host, fake: Some(engine), passed }
    }

    /// The same world after a restart of the server.
    async fn restarted(self) -> Self {
        let Self { host, fake, passed } = self;
        let dir = host.close().await;
        let host = match &fake {
            Some(engine) => Host::open_on(&[Arc::clone(engine)], clock(&passed), dir, ONE_CENTRE).await,
            None => Host::open(dir, ROOMY).await,
        };
        Self { host, fake, passed }
    }

    fn fake(&self) -> &FakeEngine {
        self.fake.as_deref().unwrap()
    }

    /// Creates a small job of [`COMMAND`] with further fields.
    async fn job(&self, workers: u32, more: Value) -> String {
        let mut fields = json!({"resource": {"workerCount": workers, "memoryGB": "0.1"}, "stopGraceSeconds": 1});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.host.job(COMMAND, fields).await
    }

    /// One pass of the scheduler and two of the runner: one that launches and one that observes.
    async fn pass(&self) {
        self.host.scheduler_pass().await;
        self.host.runner_pass().await;
        self.host.runner_pass().await;
    }

    /// Lets time pass on the server's clocks, and in the engine if it is a fake one.
    async fn wait_seconds(&self, seconds: i64) {
        match &self.fake {
            Some(fake) => {
                let before = self.passed.fetch_add(seconds * 1000, Relaxed);
                fake.at_time(WallTime::from_ms(before + seconds * 1000));
            }
            None => tokio::time::sleep(Duration::from_secs(u64::try_from(seconds).unwrap())).await,
        }
    }

    /// Passes until the detail of a job is as wanted.
    async fn until(&self, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            self.pass().await;
            let detail = self.host.detail(job).await;
            if wanted(&detail) { Ok(detail) } else { Err(detail) }
        };
        until(look).await
    }

    async fn reaches(&self, job: &str, status: &str) -> Value {
        self.until(job, |detail| detail["status"] == status).await
    }

    /// Passes until all workers of an attempt run; an engine with a queue of its own starts them.
    async fn start(&self, job: &str, attempt: u32) -> Value {
        if let Some(fake) = self.fake.as_ref().filter(|fake| fake.placing() == Placing::Engine) {
            let is_it = |launch: &Launch| launch.job == id(job) && launch.attempt == attempt;
            let detail = self.until(job, |_| fake.launches().iter().any(is_it)).await;
            if detail["status"] == "NotStarted" {
                fake.start(&id(job), attempt, &["n1", "n2"]);
            }
        }
        self.until(job, |detail| detail["status"] == "Running" && attempts(detail) == attempt as usize).await
    }

    /// A worker prints this.
    async fn print(&self, job: &str, attempt: u32, rank: u32, text: &str) {
        match &self.fake {
            Some(fake) => fake.print(&id(job), attempt, rank, text.as_bytes()),
            None => {
                let said = self.write(job, &format!("say-{attempt}-{rank}"), text);
                until(async || if said.exists() { Err(said.clone()) } else { Ok(()) }).await;
            }
        }
    }

    /// The first worker exits with this status, and the others with 0 beside a 0.
    async fn finish(&self, job: &str, attempt: u32, status: i32) {
        if let Some(fake) = &self.fake {
            return fake.finish(&id(job), attempt, 0, Exit::Code(status));
        }
        let detail = self.host.detail(job).await;
        let workers = detail["resource"]["workerCount"].as_u64().unwrap();
        for rank in 0..if status == 0 { workers } else { 1 } {
            self.write(job, &format!("end-{attempt}-{rank}"), &status.to_string());
        }
    }

    /// Writes a file for the workers of a local job, whole or not at all.
    fn write(&self, job: &str, name: &str, text: &str) -> std::path::PathBuf {
        let dir = self.host.dir.path().join("data/jobs").join(job).join("work");
        std::fs::write(dir.join("draft"), text).unwrap();
        std::fs::rename(dir.join("draft"), dir.join(name)).unwrap();
        dir.join(name)
    }
}

fn id(job: &str) -> JobId {
    job.parse().unwrap()
}

fn attempts(detail: &Value) -> usize {
    detail["attempts"].as_array().unwrap().len()
}

/// The kinds of reasons for which a job waits.
fn waiting_codes(detail: &Value) -> Vec<&str> {
    detail["waitingFor"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}
