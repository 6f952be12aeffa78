//! Limits: what a worker may use, that only this worker is limited, and that a breach is reported as such.

use std::fs;

use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, Launch, WorkerLimits};

use crate::{
    groups::with_file,
    support::{World, until},
};

const MB: u64 = 1 << 20;

/// Uses memory until it is killed, because it buffers an endless line.
const MEMORY_HOG: &str = "tail /dev/zero";

fn limited(world: &World, command: &str, workers: u32, cpu_milli: u64, memory_bytes: u64) -> Launch {
    Launch { limits: Some(WorkerLimits { cpu_milli, memory_bytes }), ..world.plan(command, workers) }
}

/// A world, if the host has the limit in question.
fn world(is_there: impl Fn(trainyard_engine::Limits) -> &'static str) -> Option<World> {
    let world = World::with(|settings| settings.pids_per_worker = 64);
    if is_there(world.engine.describe().limits) == "none" {
        eprintln!("skipped: {}", world.engine.describe().limits.note);
        return None;
    }
    Some(world)
}

#[tokio::test]
async fn a_worker_beyond_its_memory_is_killed_alone_and_that_is_reported() {
    let Some(world) = world(|limits| limits.memory) else { return };
    let command = format!("if [ $TRAINYARD_RANK = 1 ]; then exec {MEMORY_HOG}; fi; while :; do sleep 0.05; done");
    let end = world.end(&world.engine.launch(&limited(&world, &command, 3, 1000, 64 * MB)).await.unwrap()).await;
    assert_eq!(end.first_failure, Some(1));
    assert_eq!(end.workers[1].exit, Some(Exit::Signal(9)));
    assert_eq!(end.workers.iter().map(|worker| worker.oom_killed).collect::<Vec<_>>(), [false, true, false]);
}

#[tokio::test]
async fn a_child_that_is_killed_for_memory_counts_although_its_parent_continues() {
    let Some(world) = world(|limits| limits.memory) else { return };
    let command = format!("{MEMORY_HOG}; echo survived $?; exit 3");
    let end = world.end(&world.engine.launch(&limited(&world, &command, 1, 1000, 64 * MB)).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(3))]);
    assert!(end.workers[0].oom_killed);
    assert!(world.log(0).contains("survived 137"), "{}", world.log(0));
}

#[tokio::test]
async fn memory_within_the_limit_is_allowed() {
    let Some(world) = world(|limits| limits.memory) else { return };
    let command = "head -c 30000000 /dev/zero | tail -c 20000000 | wc -c";
    let end = world.end(&world.engine.launch(&limited(&world, command, 1, 1000, 64 * MB)).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert!(!end.workers[0].oom_killed);
    assert_eq!(world.log(0), "20000000\n");
}

#[tokio::test]
async fn a_limit_too_small_for_a_shell_kills_the_worker_and_not_the_shim() {
    let Some(world) = world(|limits| limits.memory) else { return };
    let end = world.end(&world.engine.launch(&limited(&world, "true", 1, 1000, 4096)).await.unwrap()).await;
    assert_eq!(end.first_failure, Some(0));
    assert_ne!(end.workers[0].exit, Some(Exit::Code(0)));
}

#[tokio::test]
async fn a_worker_gets_the_cores_it_asked_for_and_no_more() {
    let Some(world) = world(|limits| limits.cpu) else { return };
    let plan = limited(&world, "while :; do :; done", 1, 250, 64 * MB);
    let handle = world.engine.launch(&plan).await.unwrap();
    world.running(&handle).await;
    let group = with_file(&world, 0, "cpu.max").or_else(|| with_file(&world, 0, "cpu.cfs_quota_us")).unwrap();
    let read = |file: &str| fs::read_to_string(group.join(file)).ok();
    let quota = read("cpu.max").unwrap_or_else(|| {
        let parts = ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map(|file| read(file).unwrap().trim().to_owned());
        format!("{}\n", parts.join(" "))
    });
    assert_eq!(quota, "25000 100000\n");
    // The worker wants a whole core, so the kernel must throttle it sooner or later.
    let is_throttled =
        |text: &str| text.lines().any(|line| line.starts_with("nr_throttled ") && line != "nr_throttled 0");
    until("throttling", || read("cpu.stat").is_some_and(|text| is_throttled(&text))).await;
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
}

#[tokio::test]
async fn the_kernel_accepts_the_smallest_share_of_a_core() {
    let Some(world) = world(|limits| limits.cpu) else { return };
    for cpu_milli in [1, 9, 10, 64_000, 1_000_000_000] {
        let world = World::new();
        let plan = limited(&world, "until [ -e go ]; do sleep 0.01; done", 1, cpu_milli, 64 * MB);
        let handle = world.engine.launch(&plan).await.unwrap();
        world.running(&handle).await;
        world.engine.stop(&handle, 0).await.unwrap();
        assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(9))], "{cpu_milli}");
    }
    drop(world);
}

#[tokio::test]
async fn a_fork_bomb_is_limited_and_killed() {
    let Some(world) = world(|limits| limits.pids) else { return };
    let command = "trap '' TERM; bomb() { bomb | bomb & }; bomb; touch ready; while :; do sleep 0.05; done";
    let handle = world.engine.launch(&limited(&world, command, 1, 2000, 256 * MB)).await.unwrap();
    world.running(&handle).await;
    let group = with_file(&world, 0, "pids.max").unwrap();
    assert_eq!(fs::read_to_string(group.join("pids.max")).unwrap(), "64\n");
    // A refused fork: the bomb has reached the limit, and this test continues beside it.
    let is_refused = |text: String| text.split_whitespace().nth(1).is_some_and(|count| count != "0");
    until("the limit", || fs::read_to_string(group.join("pids.events")).is_ok_and(is_refused)).await;
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
    assert_eq!(world.processes(), [] as [i32; 0]);
    assert!(!group.exists());
}

#[tokio::test]
async fn limits_can_be_switched_off_and_that_is_reported() {
    let world = World::with(|settings| settings.limits = false);
    let about = world.engine.describe();
    assert_eq!([about.limits.cpu, about.limits.memory, about.limits.pids], ["none"; 3]);
    assert!(about.limits.note.contains("limits"), "{}", about.limits.note);
    let told: Vec<&str> = about.limitations.iter().filter(|one| !one.refuses).map(|one| one.path.as_str()).collect();
    assert!(told.contains(&"resource.cpuCores") && told.contains(&"resource.memoryGB"), "{told:?}");
    let command = "head -c 50000000 /dev/zero | tail -c 40000000 | wc -c";
    let end = world.end(&world.engine.launch(&limited(&world, command, 1, 1000, 16 * MB)).await.unwrap()).await;
    assert_eq!((end.exits(), end.workers[0].oom_killed), (vec![Some(Exit::Code(0))], false));
    assert_eq!(with_file(&world, 0, "memory.limit_in_bytes"), None);
}
