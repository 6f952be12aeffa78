//! Stopping: every process receives SIGTERM, has the grace, and is gone at the end.

use std::fs;

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::Engine as _;

use crate::{
    groups::pid_in,
    support::{World, pid, signal, state, until, until_some},
};

/// A command that ignores SIGTERM and runs until it is killed.
const IGNORES_SIGTERM: &str = "trap '' TERM; touch ready; while :; do sleep 0.05; done";

#[tokio::test]
async fn a_worker_that_handles_sigterm_ends_the_grace_early() {
    let world = World::new();
    let handle = world.launch("trap 'echo asked; exit 5' TERM; touch ready; while :; do sleep 0.01; done", 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 600).await.unwrap();
    let end = world.end(&handle).await;
    assert_eq!(end.exits(), [Some(Exit::Code(5))]);
    assert_eq!((end.first_failure, end.stopped), (None, true));
    assert!(world.log(0).ends_with("asked\n"), "{}", world.log(0));
}

#[tokio::test]
async fn a_worker_that_ignores_sigterm_is_killed_after_the_grace() {
    let world = World::new();
    let handle = world.launch(IGNORES_SIGTERM, 1).await;
    world.appears("ready").await;
    let workers = world.running(&handle).await;
    world.engine.stop(&handle, 1).await.unwrap();
    let end = world.end(&handle).await;
    assert_eq!(end.exits(), [Some(Exit::Signal(9))]);
    assert_eq!((end.first_failure, end.stopped), (None, true));
    assert!((end.ended - workers[0].started_ms.unwrap()).as_ms() >= 1000);
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_second_stop_shortens_the_grace_and_never_lengthens_it() {
    let world = World::new();
    let handle = world.launch(IGNORES_SIGTERM, 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 600).await.unwrap();
    world.engine.stop(&handle, 600).await.unwrap();
    world.engine.stop(&handle, 1).await.unwrap();
    world.engine.stop(&handle, 600).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(9))]);
}

#[tokio::test]
async fn daemons_are_killed_with_their_attempt() {
    let world = World::new();
    // Forked twice, in its own session, ignoring SIGTERM; the second has dropped the tag as well.
    let command = "
        (setsid sh -c 'trap \"\" TERM; touch tagged; while :; do sleep 0.05; done' &) &
        (setsid env -i PATH=$PATH sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 0.05; done' &) &
        touch ready; while :; do sleep 0.05; done";
    let handle = world.launch(command, 1).await;
    for name in ["tagged", "ready"] {
        world.appears(name).await;
    }
    let untagged = pid_in(&world, "pid").await;
    until("a worker and a tagged daemon", || world.processes().len() >= 2).await;
    world.engine.stop(&handle, 0).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(9))]);
    assert_eq!(world.processes(), [] as [i32; 0]);
    assert_eq!(state(untagged), None);
}

#[tokio::test]
async fn a_daemon_that_hid_everything_does_not_outlive_a_run_that_succeeded() {
    let world = World::new();
    let command = "
        (setsid env -i PATH=$PATH sh -c 'echo $$ > daemon; while :; do sleep 0.05; done' &) &
        until [ -s daemon ] && [ -e go ]; do sleep 0.01; done";
    let handle = world.launch(command, 1).await;
    let daemon = pid_in(&world, "daemon").await;
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    assert_eq!(state(daemon), None);
}

#[tokio::test]
async fn processes_that_a_handler_starts_get_no_sigterm() {
    let world = World::new();
    let command = "trap 'sh -c \"sleep 0.3; echo saved\"; exit 0' TERM; touch ready; while :; do sleep 0.01; done";
    let handle = world.launch(command, 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 600).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    assert!(world.log(0).ends_with("saved\n"), "{}", world.log(0));
}

#[tokio::test]
async fn a_child_has_the_whole_grace_when_its_shell_ends_at_once() {
    let world = World::new();
    let command = "
        sh -c 'trap \"sleep 0.3; echo saved; exit 0\" TERM; touch ready; while :; do sleep 0.01; done' &
        wait";
    let handle = world.launch(command, 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 600).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(15))]);
    assert!(world.log(0).ends_with("saved\n"), "{}", world.log(0));
}

#[tokio::test]
async fn a_stopped_worker_is_killed_too() {
    let world = World::new();
    let handle = world.launch("touch ready; while :; do sleep 0.05; done", 1).await;
    world.appears("ready").await;
    signal(pid(&world.running(&handle).await[0]), Signal::SIGSTOP);
    world.engine.stop(&handle, 1).await.unwrap();
    world.end(&handle).await;
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn processes_that_keep_forking_are_killed() {
    let world = World::new();
    // Each generation forks the next and ends, ignoring SIGTERM, in several lines at once.
    let command = "
        trap '' TERM
        next='trap \"\" TERM; if [ ! -e enough ]; then setsid sh -c \"$next\" & fi'
        export next
        for line in 1 2 3 4; do setsid sh -c \"$next\" & done
        touch ready; while :; do sleep 0.05; done";
    let handle = world.launch(command, 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_failure_before_the_stop_stays_a_failure() {
    let world = World::new();
    let command = "if [ $TRAINYARD_RANK = 1 ]; then until [ -e ready ]; do sleep 0.01; done; exit 4; fi
        trap '' TERM; touch ready; while :; do sleep 0.05; done";
    let handle = world.launch(command, 2).await;
    until_some("the failure", || async {
        let workers = world.running(&handle).await;
        workers[1].exit.clone()
    })
    .await;
    world.engine.stop(&handle, 0).await.unwrap();
    let end = world.end(&handle).await;
    assert_eq!((end.first_failure, end.stopped), (Some(1), false));
    assert_eq!(end.exits(), [Some(Exit::Signal(9)), Some(Exit::Code(4))]);
}

#[tokio::test]
async fn a_stop_after_the_end_changes_nothing() {
    let world = World::new();
    let handle = world.launch("true", 1).await;
    world.end(&handle).await;
    world.engine.stop(&handle, 0).await.unwrap();
    let end = world.end(&handle).await;
    assert_eq!((end.exits(), end.stopped), (vec![Some(Exit::Code(0))], false));
}

#[tokio::test]
async fn a_damaged_stop_request_is_written_again() {
    let world = World::new();
    let handle = world.launch(IGNORES_SIGTERM, 1).await;
    world.appears("ready").await;
    fs::write(world.attempt_dir().join("stop.json"), "{").unwrap();
    world.engine.stop(&handle, 0).await.unwrap();
    assert!(world.end(&handle).await.stopped);
}

#[tokio::test]
async fn a_shim_stopped_by_its_worker_continues_at_the_next_observation() {
    let world = World::new();
    let handle = world.launch("kill -STOP $PPID; echo went on; exit 3", 1).await;
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(3))]);
    assert_eq!(world.log(0), "went on\n");
}

#[tokio::test]
async fn the_server_kills_workers_if_the_shim_cannot_act() {
    let world = World::new();
    let handle = world.launch(IGNORES_SIGTERM, 1).await;
    world.appears("ready").await;
    let worker = pid(&world.running(&handle).await[0]);
    let Some(group) = crate::groups::with_file(&world, 0, "cgroup.freeze") else {
        return eprintln!("skipped: no control group of version 2, by which a process could be kept from its work");
    };
    let frozen = group.ancestors().nth(3).unwrap().join(format!("frozen-{}", world.job));
    fs::create_dir(&frozen).unwrap();
    fs::write(frozen.join("cgroup.procs"), world.shim().to_string()).unwrap();
    fs::write(frozen.join("cgroup.freeze"), "1").unwrap();
    until_some("the worker's end", || async {
        world.engine.stop(&handle, 0).await.unwrap();
        matches!(state(worker), None | Some('Z')).then_some(())
    })
    .await;
    fs::write(frozen.join("cgroup.freeze"), "0").unwrap();
    let end = world.end(&handle).await;
    assert_eq!((end.exits(), end.stopped), (vec![Some(Exit::Signal(9))], true));
    until("an empty group", || fs::remove_dir(&frozen).is_ok()).await;
}
