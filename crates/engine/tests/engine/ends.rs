//! How runs end by themselves, and how the engine reports that.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use nix::sys::signal::Signal;
use trainyard_domain::{attempt::Exit, time::Span};
use trainyard_engine::{Engine as _, LocalHost as _};

use crate::support::{World, pid, signal, state, until, until_some};

async fn check(command: &str, expected: Exit) {
    let world = World::new();
    let end = world.run(command, 1).await;
    assert_eq!(end.exits(), [Some(expected.clone())], "{command}");
    let failed = expected != Exit::Code(0);
    assert_eq!(end.first_failure, failed.then_some(0), "{command}");
    assert!(!end.stopped, "{command}");
    assert_eq!(world.processes(), [] as [i32; 0], "{command}");
}

#[tokio::test]
async fn every_way_to_end_is_reported() {
    check("exit 0", Exit::Code(0)).await;
    check("exit 3", Exit::Code(3)).await;
    check("kill -9 $$", Exit::Signal(9)).await;
    check("kill -SEGV $$", Exit::Signal(11)).await;
    check("/no/such/command", Exit::Code(127)).await;
    check("/etc/passwd", Exit::Code(126)).await;
    check("exit 137", Exit::Code(137)).await;
}

#[tokio::test]
async fn times_and_pids_are_reported() {
    let world = World::new();
    let handle = world.launch("until [ -e go ]; do sleep 0.01; done", 2).await;
    let running = world.running(&handle).await;
    world.touch("go");
    let end = world.end(&handle).await;
    assert_eq!(end.workers.iter().map(|worker| worker.rank).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(end.workers.iter().map(pid).collect::<Vec<_>>(), running.iter().map(pid).collect::<Vec<_>>());
    let started = end.started.unwrap();
    for worker in &end.workers {
        assert!(worker.started_ms.unwrap() <= started);
        assert!(worker.ended_ms.unwrap() >= started && worker.ended_ms.unwrap() <= end.ended);
    }
    // Two clocks, read one after the other on a machine that may be busy.
    assert!((end.running - (end.ended - started)).as_ms().abs() <= 2000, "{end:?}");
    assert_eq!(end.first_failure, None);
    assert!(!end.stopped);
}

#[tokio::test]
async fn a_missing_working_directory_is_reported() {
    let world = World::new();
    let mut plan = world.plan("true", 2);
    plan.work_dir = Some("/no/such/place".to_owned());
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    let expected = Exit::CouldNotStart("the working directory /no/such/place does not exist".to_owned());
    assert_eq!(end.exits(), [Some(expected), None]);
    assert_eq!((end.started, end.first_failure, end.running), (None, Some(0), Span::ZERO));
}

#[tokio::test]
async fn a_relative_working_directory_is_below_the_jobs_own() {
    let world = World::new();
    fs::create_dir_all(world.file("inner")).unwrap();
    let mut plan = world.plan("pwd", 1);
    plan.work_dir = Some("inner".to_owned());
    world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(world.log(0).trim_end(), world.file("inner").to_str().unwrap());
}

#[tokio::test]
async fn when_one_worker_cannot_start_the_others_are_killed() {
    let world = World::new();
    let mut plan = world.plan("trap '' TERM; while :; do sleep 0.05; done", 3);
    plan.workers[1].env.push(("BAD".to_owned(), "a\0b".to_owned()));
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.workers[0].exit, Some(Exit::Signal(9)));
    assert!(matches!(&end.workers[1].exit, Some(Exit::CouldNotStart(why)) if why.contains("environment")), "{end:?}");
    assert_eq!((end.workers[2].pid, end.workers[2].exit.clone()), (None, None));
    assert_eq!((end.first_failure, end.started), (Some(1), None));
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn one_failure_ends_the_gang() {
    let world = World::new();
    let end = world
        .run(
            "if [ $TRAINYARD_RANK = 1 ]; then exit 7; fi; trap 'echo asked; exit 0' TERM; while :; do sleep 0.02; done",
            3,
        )
        .await;
    assert_eq!(end.first_failure, Some(1));
    assert!(!end.stopped);
    assert_eq!(end.workers[1].exit, Some(Exit::Code(7)));
    for rank in [0, 2] {
        // A worker that received the signal before it had set its trap ended by the signal.
        assert!(matches!(end.workers[rank].exit, Some(Exit::Code(0) | Exit::Signal(15))), "{end:?}");
    }
}

#[tokio::test]
async fn a_failed_gang_has_the_launchs_grace_and_no_more() {
    let world = World::new();
    let mut plan = world.plan(
        "if [ $TRAINYARD_RANK = 1 ]; then until [ -e ready ]; do sleep 0.01; done; exit 1; fi
         trap '' TERM; touch ready; while :; do sleep 0.05; done",
        2,
    );
    plan.stop_grace_seconds = 1;
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Signal(9)), Some(Exit::Code(1))]);
    let waited = end.workers[0].ended_ms.unwrap().as_ms() - end.workers[1].ended_ms.unwrap().as_ms();
    assert!((900..10_000).contains(&waited), "{waited} ms");
}

#[tokio::test]
async fn the_rank_that_failed_first_is_named_and_not_the_oldest_process() {
    let world = World::new();
    let handle = world.launch("until [ -e go-$TRAINYARD_RANK ]; do sleep 0.01; done; exit 1", 4).await;
    let workers = world.running(&handle).await;
    // While the shim is stopped, the workers exit in an order that the test chooses.
    signal(world.shim(), Signal::SIGSTOP);
    for rank in [2, 0, 3, 1] {
        world.touch(&format!("go-{rank}"));
        let pid = pid(&workers[rank]);
        until("a zombie", || state(pid) == Some('Z')).await;
    }
    signal(world.shim(), Signal::SIGCONT);
    let end = world.end(&handle).await;
    assert_eq!(end.first_failure, Some(2));
    assert_eq!(end.exits(), vec![Some(Exit::Code(1)); 4]);
}

#[tokio::test]
async fn leftover_processes_get_sigterm_while_other_workers_run() {
    let world = World::new();
    let command = "
        if [ $TRAINYARD_RANK = 0 ]; then until [ -e go ]; do sleep 0.01; done; exit 0; fi
        setsid sh -c 'trap \"touch asked; exit 0\" TERM; touch left; while :; do sleep 0.01; done' &
        until [ -e left ]; do sleep 0.01; done";
    let handle = world.launch(command, 2).await;
    world.appears("asked").await;
    // The signal comes before the record, which waits for the disk.
    let exit = until_some("the record", || async { world.running(&handle).await[1].exit.clone() }).await;
    assert_eq!(exit, Exit::Code(0));
    assert_eq!(world.running(&handle).await[0].exit, None);
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), vec![Some(Exit::Code(0)); 2]);
}

#[tokio::test]
async fn leftover_processes_are_killed_after_five_seconds() {
    let world = World::new();
    let command = "
        setsid sh -c 'trap \"\" TERM; echo $$ > left; while :; do sleep 0.05; done' &
        until [ -s left ]; do sleep 0.01; done";
    let end = world.run(command, 1).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    let waited = (end.ended - end.workers[0].ended_ms.unwrap()).as_ms();
    assert!((4_900..20_000).contains(&waited), "{waited} ms");
    assert_eq!(world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_worker_has_exactly_the_environment_it_was_given() {
    let world = World::new();
    let end = world.run("tr '\\0' '\\n' < /proc/$$/environ; readlink /proc/$$/fd/0", 1).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    let plan = world.plan("", 1);
    let expected: Vec<String> = plan.workers[0].env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let log = world.log(0);
    let (environment, stdin) = log.trim_end().rsplit_once('\n').unwrap();
    let mut found: Vec<&str> = environment.lines().collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(stdin, "/dev/null");
}

#[tokio::test]
async fn a_worker_inherits_no_open_file_and_no_blocked_or_ignored_signal() {
    let world = World::new();
    world.run("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status", 1).await;
    let log = world.log(0);
    let mut lines = log.lines();
    // Standard input, output and error, the directory that `ls` reads, and the files that this test itself inherited.
    assert_eq!(lines.next(), Some((4 + inheritable_files()).to_string().as_str()), "{log}");
    for line in lines {
        let (_, mask) = line.split_once('\t').unwrap();
        // The C library ignores its own signals, 32 and 33, while it starts a process.
        assert_eq!(u64::from_str_radix(mask, 16).unwrap() & !(0b11 << 31), 0, "{log}");
    }
}

/// How many files beyond the standard three this process passes on to its children.
fn inheritable_files() -> usize {
    let is_handed_on = |info: &str| {
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.is_some_and(|flags| u32::from_str_radix(flags.trim(), 8).unwrap() & 0o2_000_000 == 0)
    };
    let entries = fs::read_dir("/proc/self/fdinfo").unwrap().map(|entry| entry.unwrap());
    let others = entries.filter(|entry| entry.file_name().to_str().unwrap().parse::<u32>().unwrap() > 2);
    others.filter(|entry| fs::read_to_string(entry.path()).is_ok_and(|info| is_handed_on(&info))).count()
}

#[tokio::test]
async fn a_rank_without_a_process_does_not_affect_the_end() {
    let world = World::new();
    let mut plan = world.plan("true", 3);
    plan.workers[1].process = false;
    plan.workers[2].process = false;
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0)), None, None]);
    assert_eq!(end.workers[2].pid, None);
}

#[tokio::test]
async fn the_files_of_a_launch_exist_and_only_the_user_can_read_them() {
    let world = World::new();
    let paths = world.engine.paths(&world.job, 1);
    let mut plan = world.plan("cat \"$(dirname $PWD)/attempt-1/hostfile\"", 1);
    plan.files =
        vec![trainyard_engine::LaunchFile { path: paths.hostfile.clone(), text: "localhost slots=1\n".into() }];
    world.end(&world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(world.log(0), "localhost slots=1\n");
    for name in ["hostfile", "launch.json", "started", "status.json", "worker-0.log", "shim.log", "lock", "ctl"] {
        let mode = fs::metadata(paths.attempt_dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = |dir: &Path| fs::metadata(dir).unwrap().permissions().mode() & 0o7777;
    for dir in [&paths.attempt_dir, &paths.work_dir, &paths.checkpoint_dir, paths.tmp_dir.parent().unwrap()] {
        assert_eq!(mode(dir), 0o700, "{}", dir.display());
    }
    // It is the job's `/tmp`, which all users of the job share.
    let is_private = world.engine.describe().means.iter().any(|one| one.means == "private directories" && one.is_used);
    assert_eq!(mode(&paths.tmp_dir), if is_private { 0o1777 } else { 0o700 });
}
