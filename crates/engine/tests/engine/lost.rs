//! Killed shims, rebooted hosts, missing files: the attempt is lost, it never runs again, and none of its
//! processes is left.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use trainyard_engine::{Engine as _, LocalHost as _, Observed};

use crate::support::{World, pid, plan, signal, state, until, until_some};

#[tokio::test]
async fn a_killed_shim_makes_the_attempt_lost_and_leaves_no_process() {
    let world = World::new();
    let command = "echo printed; (setsid sh -c 'trap \"\" TERM; touch daemon; while :; do sleep 0.05; done' &) &
        while :; do sleep 0.05; done";
    let handle = world.launch(command, 2).await;
    world.appears("daemon").await;
    let workers = world.running(&handle).await;
    until("the logs", || world.log(0) == "printed\n" && world.log(1) == "printed\n").await;
    signal(world.shim(), Signal::SIGKILL);
    let lost = until_some("lost", || async {
        match world.observe(&handle).await {
            Observed::Running { .. } => None,
            lost => Some(lost),
        }
    })
    .await;
    assert!(matches!(&lost, Observed::Lost { workers: known, reboot: false, .. } if *known == workers), "{lost:?}");
    assert_eq!(world.processes(), [] as [i32; 0]);
    let running = |lost: &Observed| match lost {
        Observed::Lost { running, .. } => running.as_ms(),
        _ => panic!("{lost:?}"),
    };
    // The engine reports it as lost a moment after its start, and later observations report a later moment.
    assert!((0..60_000).contains(&running(&lost)), "{lost:?}");
    let lost = world.observe(&handle).await;
    // The attempt has started, so it never starts again.
    assert_eq!(world.engine.launch(&world.plan(command, 2)).await.unwrap(), handle);
    let again = world.observe(&handle).await;
    assert!(matches!(&again, Observed::Lost { workers: known, reboot: false, .. } if *known == workers), "{again:?}");
    assert!(running(&again) >= running(&lost));
    world.engine.stop(&handle, 0).await.unwrap();
    assert_eq!(world.log(0), "printed\n");
}

#[tokio::test]
async fn a_shim_killed_at_any_moment_runs_at_most_once_and_its_end_is_reported() {
    kill_at_any_moment(World::new()).await;
}

#[tokio::test]
async fn a_shim_killed_at_any_moment_in_a_pid_namespace() {
    kill_at_any_moment(World::with(crate::pids::alone)).await;
}

async fn kill_at_any_moment(world: World) {
    let mut seen = [0; 2];
    for attempt in 1..=40 {
        let mut plan = plan(&world.job, &format!("echo {attempt} >> runs; sleep 600"), 1);
        plan.attempt = attempt;
        plan.workers[0].env.retain(|(name, _)| name != "TRAINYARD_ATTEMPT");
        plan.workers[0].env.push(("TRAINYARD_ATTEMPT".to_owned(), attempt.to_string()));
        let launched = Instant::now();
        let handle = world.engine.launch(&plan).await.unwrap();
        // A little later each time, from before the first step of the shim to after its last step before it waits.
        while launched.elapsed() < Duration::from_micros(u64::from(attempt) * 400) {
            std::hint::spin_loop();
        }
        // Sometimes the starter is killed too; the next launch starts another.
        let starters = if attempt % 4 == 0 { starters() } else { Vec::new() };
        for doomed in shims(&world, attempt).into_iter().chain(starters) {
            signal(doomed, Signal::SIGKILL);
        }
        let fate = until_some("a fate", || async {
            // Again at each try: a killed shim may just have forked the process in which it continues.
            for shim in shims(&world, attempt) {
                signal(shim, Signal::SIGKILL);
            }
            match world.observe(&handle).await {
                Observed::Running { .. } => None,
                fate => Some(fate),
            }
        })
        .await;
        assert_eq!(world.processes(), [] as [i32; 0], "attempt {attempt}");
        let runs = || fs::read_to_string(world.file("runs")).unwrap_or_default();
        let count = || runs().lines().filter(|line| *line == attempt.to_string()).count();
        match fate {
            Observed::NotStarted => {
                seen[0] += 1;
                assert_eq!(count(), 0);
                // As often as a server would: the starter may have died meanwhile, or the shim may have started the
                // attempt between the check of `started` and its death.
                let runs = until_some("the one run, or that it is lost", || async {
                    match world.observe(&handle).await {
                        Observed::NotStarted => {
                            assert_eq!(world.engine.launch(&plan).await.unwrap(), handle);
                            None
                        }
                        Observed::Running { .. } => (count() == 1).then_some(true),
                        Observed::Lost { .. } => Some(false),
                        other => panic!("attempt {attempt} looks {other:?}"),
                    }
                })
                .await;
                assert!(count() <= 1);
                if runs {
                    world.engine.stop(&handle, 0).await.unwrap();
                    world.end(&handle).await;
                }
            }
            Observed::Lost { .. } => {
                seen[1] += 1;
                let before = count();
                assert!(before <= 1);
                assert_eq!(world.engine.launch(&plan).await.unwrap(), handle);
                assert!(matches!(world.observe(&handle).await, Observed::Lost { .. }));
                assert_eq!(count(), before);
            }
            other => panic!("attempt {attempt} looks {other:?}"),
        }
    }
    assert!(seen[1] > 0, "{seen:?}");
}

/// The shims of this process's starter: by their parent, since a new shim may not show its attempt yet, and by the
/// attempt that they show, since a shim may have lost its parent.
fn shims(world: &World, attempt: u32) -> Vec<i32> {
    let dir = world.engine.paths(&world.job, attempt).attempt_dir;
    let shown = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&format!("{}\0", dir.display()))
    };
    let children = starters().into_iter().flat_map(children);
    children.chain(crate::groups::all().filter(shown)).collect()
}

fn starters() -> Vec<i32> {
    children(std::process::id().try_into().unwrap())
}

fn children(of: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &i32| {
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok()) == Some(of)
    };
    entries.filter(is_child).collect()
}

#[tokio::test]
async fn a_reboot_makes_the_attempt_lost() {
    let world = World::new();
    let handle = world.launch("while :; do sleep 0.05; done", 1).await;
    let workers = world.running(&handle).await;
    signal(world.shim(), Signal::SIGKILL);
    signal(pid(&workers[0]), Signal::SIGKILL);
    let path = world.attempt_dir().join("started");
    let mut started: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    started["boot_id"] = "another".into();
    fs::write(&path, started.to_string()).unwrap();
    // The clock of that boot is gone, so the attempt counts as running until the last change of its files.
    let trace = std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(started_ms(&world) + 7_000_000);
    fs::File::options()
        .write(true)
        .open(world.attempt_dir().join("worker-0.log"))
        .unwrap()
        .set_modified(trace)
        .unwrap();
    let running = until_some("lost by a reboot", || async {
        match world.observe(&handle).await {
            Observed::Lost { reboot: true, running, .. } => Some(running),
            _ => None,
        }
    })
    .await;
    assert_eq!(running.as_ms(), 7_000_000);
}

fn started_ms(world: &World) -> u64 {
    let status = fs::read_to_string(world.attempt_dir().join("status.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&status).unwrap()["started_ms"].as_u64().unwrap()
}

#[tokio::test]
async fn missing_files_make_the_attempt_lost() {
    let world = World::new();
    let handle = world.launch("true", 1).await;
    world.end(&handle).await;
    world.engine.forget(&world.job).await.unwrap();
    assert!(matches!(world.observe(&handle).await, Observed::Lost { reboot: false, .. }));
    world.engine.stop(&handle, 0).await.unwrap();
}

#[tokio::test]
async fn a_removed_directory_ends_the_shim_and_the_attempt_is_lost() {
    let world = World::new();
    let handle = world.launch("while :; do sleep 0.05; done", 1).await;
    world.running(&handle).await;
    let shim = world.shim();
    fs::remove_dir_all(world.attempt_dir()).unwrap();
    assert!(matches!(world.observe(&handle).await, Observed::Lost { .. }));
    assert_eq!(world.processes(), [] as [i32; 0]);
    until_some("the shim's end", || async {
        world.observe(&handle).await;
        state(shim).is_none().then_some(())
    })
    .await;
}
