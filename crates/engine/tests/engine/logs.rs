//! The logs contain what workers print: all of it, in order, at once.

use std::{fs, os::unix::fs::MetadataExt as _};

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{
    Engine as _, Observed,
    log::{self, FileSource, LogFile, LogReader as _},
};

use crate::support::{World, pid, signal, until, until_some};

const BURST: usize = 10 * 1024 * 1024;

/// A command that prints ten megabytes of numbered lines and nothing else.
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
async fn output_without_a_newline_is_logged_at_once() {
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
    // The shim is stopped until both the last bytes and the stop request are there.
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
    let path = world.log_path(1, 0);
    let (mut text, mut next) = (String::new(), 0);
    loop {
        let over = matches!(world.observe(&handle).await, Observed::Ended { .. });
        let chunk = log::read(&FileSource::new(&path), next, 64, over).unwrap();
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
async fn a_worker_may_close_its_outputs_and_continue() {
    let world = World::new();
    let end = world.run("echo before; exec >&- 2>&-; sleep 0.2; touch after", 1).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert_eq!(world.log(0), "before\n");
    assert!(world.file("after").exists());
}

const CAP: u64 = 256 * 1024;

/// Checks that head and tail of a capped burst are what was printed there; returns the offset of the tail.
fn check_capped(world: &World, printed: &str) -> usize {
    let log = LogFile::open(&world.log_path(1, 0)).unwrap().unwrap();
    let cut = log.cut().unwrap();
    let [from, to, size] = [cut.from, cut.to, log.size().unwrap()].map(|offset| usize::try_from(offset).unwrap());
    assert_eq!(cut.from, CAP / 2);
    assert!(size - to <= usize::try_from(CAP / 2).unwrap(), "{cut:?} of {size}");
    for (begin, end) in [(0, from), (to, size)] {
        let piece = log.read(begin as u64, end - begin, u64::MAX).unwrap();
        assert_eq!((piece.offset, piece.bytes.len()), (begin as u64, end - begin));
        assert!(piece.bytes == printed.as_bytes()[begin..end], "from {begin} to {end}");
    }
    to
}

#[tokio::test]
async fn a_log_beyond_its_cap_keeps_its_head_and_its_tail_at_their_offsets() {
    let world = World::with(|settings| settings.log_cap = CAP);
    world.run(PRINT_BURST, 1).await;
    let tail = check_capped(&world, &expected_burst());
    let path = world.log_path(1, 0);
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.len(), BURST as u64);
    assert!(found.blocks() * 512 <= CAP + 64 * 1024, "{} blocks", found.blocks());
    // Each line contains its own number, which gives its offset.
    let chunk = log::read(&FileSource::new(&path), 1_000_000, 64, true).unwrap();
    assert_eq!((chunk.offset, chunk.skipped), (tail as u64, tail as u64 - 1_000_000));
    assert!(chunk.text.contains(&format!("{:015}\n", tail / 16 + 1)), "{chunk:?}");
}

#[tokio::test]
async fn the_cut_of_a_log_is_known_after_its_shim_was_killed() {
    let world = World::with(|settings| settings.log_cap = CAP);
    let handle = world.launch(&format!("{PRINT_BURST}; touch printed; sleep 600"), 1).await;
    world.appears("printed").await;
    let path = world.log_path(1, 0);
    until("the burst", || fs::metadata(&path).unwrap().len() == BURST as u64).await;
    signal(world.shim(), Signal::SIGKILL);
    until_some("lost", || async { matches!(world.observe(&handle).await, Observed::Lost { .. }).then_some(()) }).await;
    check_capped(&world, &expected_burst());
}

#[tokio::test]
async fn lines_have_the_times_at_which_they_arrived() {
    let world = World::new();
    let command = "echo one; date +%s%3N; sleep 0.5; date +%s%3N; printf 'bar 1\\r'; sleep 0.3; printf 'bar 2\\r'";
    world.run(command, 1).await;
    let path = world.log_path(1, 0);
    let chunk = log::read(&FileSource::new(&path), 0, 1000, true).unwrap();
    let times = log::line_times(&LogFile::open(&path).unwrap().unwrap(), &chunk).unwrap();
    let at = |offset: usize| times.iter().rfind(|mark| mark.offset <= offset as u64).unwrap().time.as_ms();
    let mut offset = 0;
    for line in chunk.text.split_inclusive(['\n', '\r']) {
        if let Ok(said) = line.trim().parse::<i64>() {
            // The line may have waited in the pipe, and arrived within a tenth of a second after another.
            let told = at(offset);
            assert!((said - 110..said + 10_000).contains(&told), "{told} for {said}: {times:?}");
        }
        offset += line.len();
    }
    // The line before the first pause, the line after it, and the second part of the bar.
    let [first, second, third] = [0, chunk.text.find("bar 1").unwrap(), chunk.text.find("bar 2").unwrap()].map(at);
    assert!(second - first >= 390 && third - second >= 190, "{times:?}");
}
