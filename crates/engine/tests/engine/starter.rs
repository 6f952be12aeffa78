//! The starter, which copies itself into shims: what a copy does not inherit, and that nothing depends on the starter.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::Engine as _;

use crate::support::{SHIM, World, engine, plan, signal, state, until};

const WAITING: &str = "until [ -e go ]; do sleep 0.01; done";

#[tokio::test]
async fn a_copied_shim_looks_like_one_started_by_hand() {
    let world = World::new();
    let handle = world.launch(WAITING, 1).await;
    world.running(&handle).await;
    let copied = (arguments(world.shim()), open_files(world.shim()));
    world.touch("go");
    world.end(&handle).await;

    let other = World::new();
    let broken = engine(other.dir.path(), "/bin/false");
    let handle = broken.launch(&other.plan(WAITING, 1)).await.unwrap();
    let shim_log = fs::File::create(other.attempt_dir().join("shim.log")).unwrap();
    let mut shim = Command::new(SHIM);
    shim.arg0("trainyard").arg("shim").arg(other.attempt_dir()).current_dir("/").stdin(Stdio::null());
    let mut shim = shim.stdout(shim_log.try_clone().unwrap()).stderr(shim_log).spawn().unwrap();
    other.running(&handle).await;
    let by_hand = (arguments(other.shim()), open_files(other.shim()));
    other.touch("go");
    other.end(&handle).await;
    assert!(shim.wait().unwrap().success());

    assert_eq!(copied.0, ["trainyard", "shim", world.attempt_dir().to_str().unwrap()]);
    assert_eq!(by_hand.0, ["trainyard", "shim", other.attempt_dir().to_str().unwrap()]);
    assert_eq!(copied.1, by_hand.1);
}

#[tokio::test]
async fn a_killed_starter_is_replaced_and_its_shims_continue() {
    let world = World::new();
    let first = world.launch(WAITING, 1).await;
    world.running(&first).await;
    let starter = parent(world.shim());
    signal(starter, Signal::SIGKILL);
    until("the starter's death", || state(starter) == Some('Z')).await;
    let mut plan = plan(&world.job, "true", 1);
    plan.attempt = 2;
    let second = world.engine.launch(&plan).await.unwrap();
    assert_eq!(world.end(&second).await.exits(), [Some(Exit::Code(0))]);
    assert_eq!(state(starter), None);
    world.touch("go");
    assert_eq!(world.end(&first).await.exits(), [Some(Exit::Code(0))]);
}

#[tokio::test]
async fn the_starter_ends_with_its_server_and_the_shims_do_not() {
    let mut world = World::new();
    let handle = world.launch(WAITING, 1).await;
    world.running(&handle).await;
    let (shim, starter) = (world.shim(), parent(world.shim()));
    let after = world.restarted();
    drop(std::mem::replace(&mut world.engine, after));
    assert_eq!(state(starter), None);
    assert!(matches!(state(shim), Some('S' | 'R')));
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
}

#[tokio::test]
async fn a_shim_that_has_ended_is_no_zombie_of_the_starter() {
    let world = World::new();
    let handle = world.launch("true", 1).await;
    world.end(&handle).await;
    let shim = world.shim();
    until("no zombie", || state(shim).is_none()).await;
}

#[tokio::test]
async fn workers_have_the_usual_umask_whatever_the_servers_is() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let world = World::new();
    world.run("umask", 1).await;
    assert_eq!(world.log(0), "0022\n");
}

fn parent(pid: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The arguments without the empty ones at the end, which fill the space that a longer path would take.
fn arguments(pid: i32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let line = String::from_utf8(line).unwrap();
    line.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// The kinds of files that a process has open, sorted.
fn open_files(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let name = |path: std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let kind = |entry: std::io::Result<fs::DirEntry>| {
        let name = name(fs::read_link(entry.unwrap().path()).unwrap());
        // Sockets and pipes have numbers; data directories have names of their own.
        name.split_once(":[").map_or(name.clone(), |(kind, _)| kind.to_owned())
    };
    let mut kinds: Vec<String> = entries.map(kind).filter(|kind| !kind.starts_with("trainyard-")).collect();
    kinds.sort();
    kinds
}
