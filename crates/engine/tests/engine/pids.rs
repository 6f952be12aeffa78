//! An attempt in its own pid namespace: what its workers see and can do, what the host sees of them, and that they end
//! with their shim.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{
    Engine as _, LocalHost as _, Observed,
    local::{Settings, kill_method::KillMethod},
};

use crate::{
    groups::{HIDDEN, pid_in, pids_of},
    support::{COVERED, World, as_ordinary, end, observe, pid, signal, state, until, until_some, with_covered_proc},
};

const BUSY: &str = "while :; do sleep 0.05; done";

/// Switches control groups off, so that only the namespace ends processes.
pub(crate) fn alone(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::PidNamespace;
    settings.limits = false;
}

fn on_rank_0(command: &str) -> String {
    format!("if [ $TRAINYARD_RANK = 0 ]; then {command}; fi")
}

/// A world with pid namespaces; `None`, with a message, if this host allows none.
fn world() -> Option<World> {
    let world = World::with(alone);
    let killing = world.engine.describe().killing;
    if killing.means != KillMethod::PidNamespace.name() {
        let said = format!("skipped: no pid namespace here: {}\n", killing.note);
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        return None;
    }
    Some(world)
}

#[tokio::test]
async fn a_worker_sees_its_attempts_processes_and_no_others() {
    let Some(world) = world() else { return };
    let mut plan = world.plan(
        "read own rest < /proc/self/stat; [ $own = $$ ] && [ -e /proc/$$/cwd/. ] && echo itself
        read name < /proc/1/comm; [ $PPID = 1 ] && echo the shim
        set -- /proc/[0-9]*; [ $# -le 4 ] && echo no others
        [ $(ls -d /proc/[0-9]* | wc -l) -le 5 ] || ls -d /proc/[0-9]*
        [ -e /proc/$SERVER ] || echo no server",
        1,
    );
    // A pid that no process reaches in a namespace of three processes.
    plan.workers[0].env.push(("SERVER".to_owned(), std::process::id().max(1000).to_string()));
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert_eq!(world.log(0), "itself\nthe shim\nno others\nno server\n");
}

#[tokio::test]
async fn the_host_knows_each_process_by_its_host_pid() {
    let Some(world) = world() else { return };
    let listen = "import socket, time
s = socket.create_server((\"127.0.0.1\", 0))
open(\"port\", \"w\").write(str(s.getsockname()[1]) + \"\\n\")
time.sleep(600)";
    let handle = world.launch(&format!("python3 -c '{listen}'; true"), 1).await;
    let worker = pid(&world.running(&handle).await[0]);
    // A program shows its environment a moment after it has started.
    until("its tag", || world.processes().contains(&worker)).await;
    let (worker_pids, shim_pids) = (pids_of(worker), pids_of(world.shim()));
    assert_eq!((worker_pids.len(), worker_pids[0]), (2, worker), "{worker_pids:?}");
    assert_eq!(shim_pids, [world.shim(), 1]);
    world.appears("port").await;
    let port = || async { fs::read_to_string(world.file("port")).ok()?.strip_suffix('\n')?.parse::<u16>().ok() };
    let port = until_some("the port", port).await;
    let found = world.engine.listening(&world.job, 1, 0).await.unwrap();
    assert_eq!(found.iter().map(|found| found.port()).collect::<Vec<_>>(), [port]);
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
}

#[tokio::test]
async fn a_killed_shim_ends_all_processes_before_the_attempt_is_reported_lost() {
    let Some(world) = world() else { return };
    let handle = world.launch(&format!("{}; echo printed; {BUSY}", on_rank_0(HIDDEN)), 2).await;
    let hidden = pid_in(&world, "hidden").await;
    let workers = world.running(&handle).await;
    let all = [hidden, pid(&workers[0]), pid(&workers[1])];
    until("the logs", || world.log(0) == "printed\n" && world.log(1) == "printed\n").await;
    signal(pid(&workers[1]), Signal::SIGSTOP);
    signal(world.shim(), Signal::SIGKILL);
    let lost = until_some("lost", || async {
        match world.observe(&handle).await {
            Observed::Running { .. } => None,
            other => Some((other, all.map(state))),
        }
    })
    .await;
    assert_eq!(lost.1, [None; 3], "{:?}", lost.0);
    assert!(matches!(&lost.0, Observed::Lost { workers: known, reboot: false, .. } if *known == workers), "{lost:?}");
    assert!(!format!("{lost:?}").contains("could not be killed"), "{lost:?}");
}

#[tokio::test]
async fn a_worker_that_kills_all_it_can_harms_neither_the_shim_nor_its_records() {
    let Some(world) = world() else { return };
    let command = "for name in KILL STOP TERM HUP INT USR1 CHLD; do kill -$name 1 || exit 1; done
        until [ -e ready ]; do touch ready; sleep 0.01; done; echo here; exit 3";
    let end = world.run(command, 1).await;
    assert_eq!((end.exits(), end.first_failure), (vec![Some(Exit::Code(3))], Some(0)));
    assert_eq!(world.log(0), "here\n");
    let Some(world) = self::world() else { return };
    let command = "trap '' TERM; echo here; echo $$ > $TRAINYARD_RANK
        if [ $TRAINYARD_RANK = 1 ]; then
            until [ -s 0 ] && [ -s 2 ]; do sleep 0.01; done
            kill -9 -1; while kill -0 $(cat 0) || kill -0 $(cat 2); do sleep 0.01; done 2>/dev/null
            echo alone; exit 7
        fi
        while :; do sleep 0.05; done";
    let end = world.run(command, 3).await;
    assert_eq!(end.exits(), [Some(Exit::Signal(9)), Some(Exit::Code(7)), Some(Exit::Signal(9))]);
    assert!(matches!(end.first_failure, Some(0 | 2)), "{end:?}");
    assert_eq!([0, 1, 2].map(|rank| world.log(rank)), ["here\n", "here\nalone\n", "here\n"]);
}

#[tokio::test]
async fn logs_and_exits_are_reported_as_everywhere() {
    let Some(world) = world() else { return };
    let command = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i + 1)); done; touch $TRAINYARD_RANK
        if [ $TRAINYARD_RANK = 1 ]; then until [ -e 0 ] && [ -e 2 ]; do sleep 0.01; done; exit 4; fi
        exec sleep 600";
    let end = world.run(command, 3).await;
    assert_eq!((end.first_failure, end.stopped), (Some(1), false));
    assert_eq!(end.exits(), [Some(Exit::Signal(15)), Some(Exit::Code(4)), Some(Exit::Signal(15))]);
    let lines: String = (0..2000).map(|i| format!("line {i}\n")).collect();
    for rank in 0..3 {
        assert!(world.log(rank) == lines, "rank {rank}");
    }
    let Some(world) = self::world() else { return };
    let end = world.run("kill -SEGV $$", 1).await;
    assert_eq!(end.exits(), [Some(Exit::Signal(11))]);
}

#[tokio::test]
async fn a_starting_server_finds_the_attempt_and_can_stop_it() {
    let Some(world) = world() else { return };
    let handle = world.launch(&format!("trap '' TERM; {}; {BUSY}", on_rank_0(HIDDEN)), 2).await;
    let hidden = pid_in(&world, "hidden").await;
    let workers = world.running(&handle).await;
    let later = world.restarted();
    let Observed::Running { workers: found, .. } = observe(&later, &handle).await else { panic!("it runs") };
    assert_eq!(found, workers);
    // The attempt has started, so it does not start again.
    assert_eq!(later.launch(&world.plan("true", 2)).await.unwrap(), handle);
    signal(world.shim(), Signal::SIGTERM);
    later.stop(&handle, 0).await.unwrap();
    assert_eq!(end(&later, &handle).await.exits(), [Some(Exit::Signal(9)), Some(Exit::Signal(9))]);
    assert_eq!(state(hidden), None);
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn the_shim_is_no_zombie_when_it_has_ended() {
    let Some(world) = world() else { return };
    let handle = world.launch("true", 1).await;
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    world.wait_until_reaped(&handle).await;
}

#[tokio::test]
async fn the_server_kills_all_workers_if_the_shim_cannot_act() {
    let Some(world) = world() else { return };
    let handle = world.launch(&format!("trap '' TERM; {HIDDEN}; {BUSY}"), 1).await;
    let all = [pid_in(&world, "hidden").await, pid(&world.running(&handle).await[0])];
    let Some(frozen) = freeze(&world) else {
        world.engine.stop(&handle, 0).await.unwrap();
        world.end(&handle).await;
        return eprintln!("skipped: no control group of version 2, by which a process could be kept from its work");
    };
    until_some("the end of all", || async {
        world.engine.stop(&handle, 0).await.unwrap();
        all.map(state).iter().all(|state| matches!(state, None | Some('Z'))).then_some(())
    })
    .await;
    fs::write(frozen.join("cgroup.freeze"), "0").unwrap();
    let end = world.end(&handle).await;
    assert_eq!((end.exits(), end.stopped), (vec![Some(Exit::Signal(9))], true));
    until("an empty group", || fs::remove_dir(&frozen).is_ok()).await;
}

/// Freezes the shim in a group of its own, if this process may create one.
fn freeze(world: &World) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let point = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let frozen = Path::new(point).join(own).join(format!("frozen-{}", world.job));
    fs::create_dir(&frozen).ok()?;
    fs::write(frozen.join("cgroup.procs"), world.shim().to_string()).unwrap();
    fs::write(frozen.join("cgroup.freeze"), "1").unwrap();
    Some(frozen)
}

#[tokio::test]
async fn the_engine_reports_whether_pid_namespaces_work() {
    let world = World::with(alone);
    let killing = world.engine.describe().killing;
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    if mounts.lines().any(|line| line.split(' ').nth(4) == Some(COVERED)) {
        assert_eq!(killing.means, KillMethod::Subreaper.name());
        assert!(killing.note.contains("may outlive"), "{}", killing.note);
        assert!(killing.note.contains(&format!("a part of /proc is covered here: {COVERED}")), "{}", killing.note);
        assert_eq!(world.run("true", 1).await.exits(), [Some(Exit::Code(0))]);
    } else if killing.means == KillMethod::PidNamespace.name() {
        assert_eq!(killing.note, KillMethod::PidNamespace.description());
    } else {
        assert!(killing.note.contains("no pid namespace for each attempt: "), "{}", killing.note);
    }
}

/// The same where root has covered a part of `/proc`, for root and for an ordinary user: what is hidden stays hidden.
#[test]
fn no_pid_namespace_is_used_where_a_part_of_proc_is_covered() {
    for user in [0, 65534] {
        let tests = ["pids::the_engine_reports_whether_pid_namespaces_work", "--exact"];
        let Some((done, said)) = with_covered_proc(user, &tests) else { return };
        assert!(done.success() && said.contains("1 passed"), "{said}");
    }
}

/// The tests above, and those of the kill method, again as an ordinary user, which may create namespaces and nothing else.
#[test]
fn pid_namespaces_work_for_an_ordinary_user_too() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (done, said) = as_ordinary(&["pids::", "kill_methods::pid_namespace::", "--skip", "ordinary"]);
    assert!(done.success() && said.contains("15 passed"), "{said}");
    if said.contains("skipped") {
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
    }
}
