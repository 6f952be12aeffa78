//! What workers print is in their logs: all of it, in order, at once.

use std::fs;

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, log};

use crate::support::{World, pid, signal, until};

const BURST: usize = 10 * 1024 * 1024;

/// Prints ten megabytes of numbered lines and nothing else.
const PRINT_BURST: &str = "seq -f %015.0f 655360";

fn expected_burst() -> String {
    let text: String = (1..=655_360).map(|number| format!("{number:015}\n")).collect();
    assert_eq!(text.len(), BURST);
    text
}

#[tokio::test]
async fn the_logs_of_two_workers_are_complete_and_in_order() {
    let world = World::new();
    let command = "for n in $(seq 2000); do echo out $TRAINYARD_RANK $n; echo err $TRAINYARD_RANK $n >&2; done";
    world.run(command, 2).await;
    for rank in 0..2 {
        let expected: String = (1..=2000).map(|n| format!("out {rank} {n}\nerr {rank} {n}\n")).collect();
        assert_eq!(world.log(rank), expected);
    }
}

#[tokio::test]
async fn output_without_a_newline_passes_on_as_it_comes() {
    let world = World::new();
    let handle = world.launch("printf '10%%\\r'; until [ -e go ]; do sleep 0.01; done; printf '20%%\\r'", 1).await;
    until("the first part", || world.log(0) == "10%\r").await;
    world.touch("go");
    world.end(&handle).await;
    assert_eq!(world.log(0), "10%\r20%\r");
}

#[tokio::test]
async fn a_burst_just_before_the_exit_is_complete() {
    let world = World::new();
    world.run(PRINT_BURST, 2).await;
    assert_eq!(world.log(0), expected_burst());
    assert_eq!(world.log(1), expected_burst());
}

#[tokio::test]
async fn a_burst_just_before_a_kill_is_complete() {
    let world = World::new();
    let end = world.run(&format!("{PRINT_BURST}; kill -9 $$"), 1).await;
    assert_eq!(end.exits(), [Some(Exit::Signal(9))]);
    assert_eq!(world.log(0), expected_burst());
}

#[tokio::test]
async fn a_burst_just_before_a_stop_without_grace_is_complete() {
    let world = World::new();
    let handle = world.launch(&format!("{PRINT_BURST}; touch printed; sleep 600"), 1).await;
    let workers = world.running(&handle).await;
    world.appears("printed").await;
    // The shim is held until both the last bytes and the wish lie before it.
    signal(world.shim(), Signal::SIGSTOP);
    world.engine.stop(&handle, 0).await.unwrap();
    signal(pid(&workers[0]), Signal::SIGKILL);
    signal(world.shim(), Signal::SIGCONT);
    world.end(&handle).await;
    assert_eq!(world.log(0), expected_burst());
}

#[tokio::test]
async fn a_follower_reads_the_same_bytes_while_it_grows() {
    let world = World::new();
    let handle = world.launch("for n in $(seq 300); do printf 'π %s…' $n; done; printf '\\303'", 1).await;
    let path = world.engine.log_path(&world.job, 1, 0);
    let (mut text, mut next) = (String::new(), 0);
    loop {
        let over = matches!(world.observe(&handle).await, trainyard_engine::Observed::Ended { .. });
        let chunk = log::read(&path, next, 64, over).unwrap();
        text.push_str(&chunk.text);
        next = i64::try_from(chunk.next_offset).unwrap();
        if over && chunk.next_offset == chunk.size {
            break;
        }
    }
    assert_eq!(text, String::from_utf8_lossy(&fs::read(&path).unwrap()));
    assert!(text.ends_with("π 300…\u{fffd}"));
}

#[tokio::test]
async fn a_worker_may_close_its_outputs_and_go_on() {
    let world = World::new();
    let end = world.run("echo before; exec >&- 2>&-; sleep 0.2; touch after", 1).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert_eq!(world.log(0), "before\n");
    assert!(world.file("after").exists());
}
