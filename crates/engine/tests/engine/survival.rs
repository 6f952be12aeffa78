//! Killed servers, repeated and early launches and stops: no run is forgotten, none happens twice, and none is reported
//! as lost that is not.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use trainyard_domain::{
    attempt::Exit,
    time::{Span, WallTime},
};
use trainyard_engine::{Engine, EngineError, Handle, Observed};

use crate::support::{SHIM, World, end, engine, observe, plan, signal, until_some};

const COUNTING: &str = "echo run >> runs; until [ -e go ]; do sleep 0.01; done";

#[tokio::test]
async fn an_attempt_launched_twice_runs_once() {
    let world = World::new();
    let plan = world.plan(COUNTING, 1);
    let other = world.restarted();
    let (first, second, third) =
        tokio::join!(world.engine.launch(&plan), world.engine.launch(&plan), other.launch(&plan));
    let handle = first.unwrap();
    assert_eq!((&second.unwrap(), &third.unwrap()), (&handle, &handle));
    world.running(&handle).await;
    assert_eq!(world.engine.launch(&plan).await.unwrap(), handle);
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    assert_eq!(other.launch(&plan).await.unwrap(), handle);
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    assert_eq!(fs::read_to_string(world.file("runs")).unwrap(), "run\n");
}

#[tokio::test]
async fn a_second_shim_starts_nothing() {
    let world = World::new();
    let shim = || Command::new(SHIM).arg("shim").arg(world.attempt_dir()).stdin(Stdio::null()).status().unwrap();
    let handle = world.launch(COUNTING, 1).await;
    world.running(&handle).await;
    assert!(shim().success());
    world.touch("go");
    world.end(&handle).await;
    assert!(shim().success());
    assert_eq!(fs::read_to_string(world.file("runs")).unwrap(), "run\n");
}

#[tokio::test]
async fn a_restarted_server_finds_what_runs_and_what_has_ended() {
    let world = World::new();
    let handle = world.launch(COUNTING, 2).await;
    let before = world.running(&handle).await;
    let after = world.restarted();
    let (started, before_restart) = running(&world.observe(&handle).await);
    let Observed::Running { started: same, running: later, workers } = observe(&after, &handle).await else {
        panic!("it does not run")
    };
    assert_eq!((same, workers), (started, before));
    assert!(later >= before_restart, "{later} and before {before_restart}");
    world.touch("go");
    assert_eq!(end(&after, &handle).await.exits(), vec![Some(Exit::Code(0)); 2]);
    assert_eq!(end(&world.restarted(), &handle).await.exits(), vec![Some(Exit::Code(0)); 2]);
}

fn running(observed: &Observed) -> (Option<WallTime>, Span) {
    match observed {
        Observed::Running { started, running, .. } => (*started, *running),
        other => panic!("it does not run: {other:?}"),
    }
}

#[tokio::test]
async fn a_shim_ignores_signals_that_ask_it_to_end() {
    let world = World::new();
    let handle = world.launch(COUNTING, 1).await;
    world.running(&handle).await;
    for number in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1] {
        signal(world.shim(), number);
    }
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
}

#[tokio::test]
async fn an_attempt_that_never_started_is_launched_again() {
    let world = World::new();
    let plan = world.plan(COUNTING, 1);
    let missing = engine(world.dir.path(), "/no/such/program");
    assert!(matches!(missing.launch(&plan).await, Err(EngineError::Unavailable(_))));
    let broken = engine(world.dir.path(), "/bin/false");
    let handle = broken.launch(&plan).await.unwrap();
    until_some("not started", || async { (observe(&broken, &handle).await == Observed::NotStarted).then_some(()) })
        .await;
    assert_eq!(world.engine.launch(&plan).await.unwrap(), handle);
    world.running(&handle).await;
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
}

#[tokio::test]
async fn a_stop_before_the_start_ends_the_attempt() {
    let world = World::new();
    let plan = world.plan(COUNTING, 1);
    let broken = engine(world.dir.path(), "/bin/false");
    let handle = broken.launch(&plan).await.unwrap();
    until_some("not started", || async { (observe(&broken, &handle).await == Observed::NotStarted).then_some(()) })
        .await;
    world.engine.stop(&handle, 30).await.unwrap();
    assert!(matches!(world.engine.launch(&plan).await, Err(EngineError::Refused(_))));
    assert_eq!(world.engine.cancel(&world.job, 1).await, Ok(None));
    let end = world.end(&handle).await;
    assert_eq!((end.started, end.stopped, end.first_failure), (None, true, None));
    assert!(!world.file("runs").exists());
}

#[tokio::test]
async fn a_stop_at_any_moment_of_the_launch_takes_effect() {
    for _ in 0..20 {
        let world = World::new();
        let handle = world.launch("while :; do sleep 0.05; done", 2).await;
        world.engine.stop(&handle, 600).await.unwrap();
        let end = world.end(&handle).await;
        assert!(end.stopped, "{end:?}");
        assert_eq!(world.processes(), [] as [i32; 0]);
    }
}

#[tokio::test]
async fn no_attempt_is_reported_lost_at_any_moment() {
    let world = World::new();
    for attempt in 1..=30 {
        let mut plan = plan(&world.job, "echo run >> runs", 2);
        plan.attempt = attempt;
        let handle = world.engine.launch(&plan).await.unwrap();
        loop {
            match world.observe(&handle).await {
                Observed::Running { .. } => {}
                Observed::Ended { workers, .. } => {
                    assert!(workers.iter().all(|worker| worker.exit == Some(Exit::Code(0))), "{workers:?}");
                    break;
                }
                other => panic!("attempt {attempt} looked {other:?}"),
            }
        }
    }
    assert_eq!(fs::read_to_string(world.file("runs")).unwrap(), "run\n".repeat(60));
}

#[tokio::test]
async fn a_notification_comes_with_the_end() {
    let world = World::new();
    let handle = world.launch(COUNTING, 1).await;
    world.running(&handle).await;
    // The notifications so far are received; then only that of the end is left.
    while tokio::time::timeout(Duration::from_millis(300), world.engine.wakeup()).await.is_ok() {}
    world.touch("go");
    let news = async {
        loop {
            world.engine.wakeup().await;
            if matches!(world.observe(&handle).await, Observed::Ended { .. }) {
                break;
            }
        }
    };
    tokio::time::timeout(crate::support::DEADLINE, news).await.unwrap();
}

#[tokio::test]
async fn an_ended_shim_is_no_zombie() {
    let world = World::new();
    let handle = world.launch("true", 1).await;
    world.end(&handle).await;
    world.wait_until_reaped(&handle).await;
}

#[tokio::test]
async fn files_are_deleted_after_the_end_of_the_job_and_not_before() {
    let world = World::new();
    let command = format!("mkdir -p deep/er; touch deep/er/file; chmod 500 deep/er deep; {COUNTING}");
    let handle = world.launch(&command, 1).await;
    world.running(&handle).await;
    assert!(matches!(world.engine.forget(&world.job).await, Err(EngineError::Unavailable(_))));
    world.touch("go");
    world.end(&handle).await;
    world.engine.forget(&world.job).await.unwrap();
    assert!(!world.attempt_dir().parent().unwrap().exists());
    world.engine.forget(&world.job).await.unwrap();
}

#[tokio::test]
async fn an_invalid_launch_is_refused() {
    let world = World::new();
    let refused = async |plan| matches!(world.engine.launch(&plan).await, Err(EngineError::Refused(_)));
    let good = world.plan("true", 2);
    let mut twins = good.clone();
    twins.workers[1].rank = 0;
    assert!(refused(twins).await);
    let mut no_process = good.clone();
    no_process.workers.iter_mut().for_each(|worker| worker.process = false);
    assert!(refused(no_process).await);
    for path in ["/etc/hostfile".into(), world.attempt_dir().join("../x"), world.dir.path().join("wake")] {
        let mut outside = good.clone();
        outside.files = vec![trainyard_engine::LaunchFile { path, text: String::new() }];
        assert!(refused(outside).await);
    }
    let strange = world.engine.observe(&[Handle("not ours".to_owned())]).await;
    assert!(matches!(strange[..], [Err(EngineError::Refused(_))]));
}
