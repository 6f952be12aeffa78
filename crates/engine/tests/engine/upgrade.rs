//! Files that servers and shims of November 2026 have left on disk stay readable by all later versions.
//!
//! The files of `fixtures/format-1` are as those versions wrote them, except for the names of the data directory, the
//! job and the boot.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use trainyard_domain::{
    attempt::{Exit, WorkerFact},
    time::{Span, WallTime},
};
use trainyard_engine::{Engine as _, Handle, LocalHost as _, Observed};

use crate::support::{SHIM, World, signal, until};

impl World {
    fn fixture(&self, name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1").join(name);
        let text = fs::read_to_string(path).unwrap();
        text.replace("/DATA", self.dir.path().to_str().unwrap()).replace("job_THIS", self.job.as_str())
    }

    /// Writes files of that time into the attempt's directory, each under its name there.
    pub(crate) fn write_fixtures(&self, files: &[(&str, &str)]) -> Handle {
        let paths = self.engine.paths(&self.job, 1);
        for dir in [&paths.work_dir, &paths.checkpoint_dir, &paths.tmp_dir, &paths.attempt_dir] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(self.attempt_dir().join("lock"), "").unwrap();
        for (fixture, name) in files {
            fs::write(self.attempt_dir().join(name), self.fixture(fixture)).unwrap();
        }
        Handle(self.fixture("handle"))
    }

    /// Waits until the command waits for its last child. A child that has not executed its program yet may lose a
    /// signal, since its shell catches it.
    pub(crate) async fn sleeps(&self) {
        let is_sleep = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
        until("its last child", || self.log(0) == "hi\n" && self.processes().iter().any(is_sleep)).await;
    }
}

fn worker(world: &World, exit: Option<Exit>) -> WorkerFact {
    WorkerFact {
        rank: 0,
        pid: Some(31_997),
        started_ms: Some(WallTime::from_ms(1_795_642_831_124)),
        ended_ms: exit.as_ref().map(|_| WallTime::from_ms(1_795_642_832_106)),
        exit,
        oom_killed: false,
        oom_counted: false,
        host: Some(world.engine.identity()),
    }
}

#[tokio::test]
async fn an_old_record_of_an_end_is_read_and_the_attempt_never_runs_again() {
    let world = World::new();
    let handle =
        world.write_fixtures(&[("launch.json", "launch.json"), ("started", "started"), ("ended.json", "status.json")]);
    let ended = Observed::Ended {
        started: Some(WallTime::from_ms(1_795_642_831_125)),
        ended: WallTime::from_ms(1_795_642_832_125),
        running: Span::from_ms(1000),
        workers: vec![worker(&world, Some(Exit::Code(7)))],
        first_failure: None,
        stopped: true,
    };
    assert_eq!(world.observe(&handle).await, ended);
    assert_eq!(world.launch("touch again", 1).await, handle);
    assert_eq!(world.observe(&handle).await, ended);
    assert!(!world.file("again").exists());
    world.engine.forget(&world.job).await.unwrap();
}

#[tokio::test]
async fn an_old_record_of_a_run_is_lost_by_a_reboot() {
    let world = World::new();
    let files = [("launch.json", "launch.json"), ("started", "started"), ("running.json", "status.json")];
    let handle = world.write_fixtures(&files);
    let lost = world.observe(&handle).await;
    assert!(
        matches!(&lost, Observed::Lost { reboot: true, workers, .. } if *workers == [worker(&world, None)]),
        "{lost:?}"
    );
    assert_eq!(world.launch("touch again", 1).await, handle);
    assert!(!world.file("again").exists());
}

#[tokio::test]
async fn a_shim_starts_an_old_launch_and_obeys_an_old_stop_request() {
    let world = World::new();
    let handle = world.write_fixtures(&[("launch.json", "launch.json")]);
    let mut shim = Command::new(SHIM).arg("shim").arg(world.attempt_dir()).stdin(Stdio::null()).spawn().unwrap();
    world.running(&handle).await;
    world.sleeps().await;
    fs::write(world.attempt_dir().join("stop.json"), world.fixture("stop.json")).unwrap();
    // The grace of the old request is shorter and stays.
    world.engine.stop(&handle, 30).await.unwrap();
    let end = world.end(&handle).await;
    assert_eq!((end.exits(), end.stopped), (vec![Some(Exit::Code(7))], true));
    assert_eq!(fs::read_to_string(world.attempt_dir().join("stop.json")).unwrap(), world.fixture("stop.json"));
    assert!(shim.wait().unwrap().success());
}

#[tokio::test]
async fn a_status_without_the_monotonic_clock_is_accepted() {
    let world = World::new();
    let handle = world.launch("while :; do sleep 0.05; done", 1).await;
    world.running(&handle).await;
    let path = world.attempt_dir().join("status.json");
    let mut status: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    status.as_object_mut().unwrap().remove("started_monotonic_ms").unwrap();
    status["started_ms"] = (status["started_ms"].as_i64().unwrap() - 7_000_000).into();
    fs::write(&path, status.to_string()).unwrap();
    let seen = world.observe(&handle).await;
    assert!(matches!(seen, Observed::Running { running, .. } if running.as_ms() >= 7_000_000), "{seen:?}");
    signal(world.shim(), Signal::SIGKILL);
}
