//! The control groups of attempts: where they are, that they are removed, and that a crash leaves none. Also functions
//! to inspect them, for the tests of killing and of limits.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, Observed};

use crate::support::{World, pid, signal, state, until, until_some};

/// The directories of a data directory's groups in every hierarchy, below the groups of this process.
pub(crate) fn of(data: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::metadata(data) else { return Vec::new() };
    let name = format!("trainyard-{:x}-{:x}", found.dev(), found.ino());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = mounts.lines().filter(|line| line.contains(" - cgroup")).map(|line| line.split(' ').nth(4).unwrap());
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let groups: Vec<&str> = own.lines().map(|line| line.splitn(3, ':').nth(2).unwrap()).collect();
    let below = |point: &str| -> Vec<PathBuf> {
        groups.iter().map(|group| Path::new(point).join(group.trim_start_matches('/')).join(&name)).collect()
    };
    points.flat_map(below).filter(|dir| dir.exists()).collect()
}

/// The directory of a worker's group that contains this file, according to the launch.
pub(crate) fn with_file(world: &World, rank: u32, file: &str) -> Option<PathBuf> {
    let text = fs::read_to_string(world.attempt_dir().join("launch.json")).unwrap();
    let launch: serde_json::Value = serde_json::from_str(&text).unwrap();
    let trees = launch["groups"]["trees"].as_array().cloned().unwrap_or_default();
    let groups = trees.iter().map(|tree| Path::new(tree["dir"].as_str().unwrap()).join(format!("worker-{rank}")));
    groups.into_iter().find(|group| group.join(file).exists())
}

/// A command with a process that hides as well as possible and runs until it is killed: forked twice, in its own
/// session, without a tag, ignoring SIGTERM. The process writes its pid into the file `hidden`.
pub(crate) const HIDDEN: &str = "
    (setsid env -i PATH=$PATH sh -c 'trap \"\" TERM; echo $$ > hidden.new; mv hidden.new hidden
        while :; do sleep 0.05; done' &) &
    until [ -e hidden ]; do sleep 0.01; done";

/// The pid, as this process sees it, of a running process of the job that has written its own pid into a file. The job
/// may have its own pid namespace, in which that pid differs.
pub(crate) async fn pid_in(world: &World, name: &str) -> i32 {
    let work = world.file("");
    let outside = |inside: i32| {
        let is_there = |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir == work);
        all().find(|pid| is_there(pid) && pids_of(*pid).last() == Some(&inside))
    };
    let read = || async { outside(fs::read_to_string(world.file(name)).ok()?.strip_suffix('\n')?.parse().ok()?) };
    until_some(name, read).await
}

/// The pids of all processes.
pub(crate) fn all() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The pids of a process: here, and in each pid namespace below that contains it.
pub(crate) fn pids_of(pid: i32) -> Vec<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    pids.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[tokio::test]
async fn the_groups_of_an_attempt_are_removed_with_it() {
    let world = World::new();
    assert_eq!(world.run(HIDDEN, 2).await.exits(), vec![Some(Exit::Code(0)); 2]);
    assert_eq!(of(world.dir.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn the_shim_is_in_no_workers_group_and_each_worker_in_its_own() {
    let world = World::new();
    let handle = world.launch("while :; do sleep 0.05; done", 2).await;
    let workers = world.running(&handle).await;
    let groups = |pid: i32| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    if with_file(&world, 0, "cgroup.procs").is_none() {
        return eprintln!("skipped: this host has no control groups for workers");
    }
    assert!(!groups(world.shim()).contains("trainyard-"), "{}", groups(world.shim()));
    for worker in &workers {
        let own = groups(pid(worker));
        assert!(own.contains(&format!("/{}.1/worker-{}\n", world.job, worker.rank)), "{own}");
    }
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
}

#[tokio::test]
async fn groups_that_a_worker_created_are_removed_too() {
    let world = World::new();
    let handle =
        world.launch("until [ -e go ]; do sleep 0.01; done; trap '' TERM; while :; do sleep 0.05; done", 1).await;
    let worker = pid(&world.running(&handle).await[0]);
    let Some(group) = with_file(&world, 0, "cgroup.kill") else {
        return eprintln!("skipped: this host has no `cgroup.kill`");
    };
    let inner = group.join("own/deeper");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("cgroup.procs"), worker.to_string()).unwrap();
    world.touch("go");
    world.engine.stop(&handle, 0).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(9))]);
    assert!(!group.exists());
}

#[tokio::test]
async fn a_starting_server_removes_what_a_crash_left_and_nothing_of_others() {
    let (crashed, other) = (World::new(), World::new());
    let handle = crashed.launch(&format!("{HIDDEN}; while :; do sleep 0.05; done"), 1).await;
    let hidden = pid_in(&crashed, "hidden").await;
    let workers = crashed.running(&handle).await;
    if with_file(&crashed, 0, "cgroup.procs").is_none() {
        return eprintln!("skipped: this host has no control groups for workers");
    }
    // The kernel ends the processes of a pid namespace itself; only their groups are left.
    let dies_with_shim = pids_of(crashed.shim()).len() > pids_of(std::process::id().try_into().unwrap()).len();
    // A running attempt is left alone, by its own server and by others.
    drop((crashed.restarted(), other.restarted()));
    assert!(matches!(crashed.observe(&handle).await, Observed::Running { .. }));
    signal(crashed.shim(), Signal::SIGKILL);
    until_some("lost by its shim", || async {
        // Checked without the engine, which would kill the rest: the shim itself must be gone first.
        state(crashed.shim()).is_none_or(|state| state == 'Z').then_some(())
    })
    .await;
    drop(other.restarted());
    assert!(dies_with_shim || state(hidden).is_some() && state(pid(&workers[0])).is_some());
    assert_ne!(of(crashed.dir.path()), [] as [PathBuf; 0]);
    drop(crashed.restarted());
    until("the end of all", || [hidden, pid(&workers[0])].into_iter().all(|pid| state(pid).is_none())).await;
    assert_eq!(of(crashed.dir.path()), [] as [PathBuf; 0]);
    assert!(matches!(crashed.observe(&handle).await, Observed::Lost { .. }));
}
