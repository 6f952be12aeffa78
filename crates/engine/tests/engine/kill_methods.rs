//! Every process of an attempt ends, with each kill method that this host has.

use nix::sys::signal::Signal;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{
    Engine as _, Observed,
    local::{Settings, kill_method::KillMethod},
};

use crate::{
    groups::{HIDDEN, pid_in},
    support::{World, pid, signal, state, until, until_some, with_covered_proc},
};

fn by_group(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::CgroupKill;
}

fn by_freezer(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::Freezer;
}

fn by_pid_namespace(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::PidNamespace;
}

fn by_subreaper(settings: &mut Settings) {
    settings.strongest_kill_method = KillMethod::Subreaper;
    settings.limits = false;
}

/// A world with this kill method, if the host has it.
fn world(adjust: fn(&mut Settings), method: KillMethod) -> Option<World> {
    let world = World::with(adjust);
    let has = world.engine.describe().killing.means;
    if has != method.name() {
        let note = world.engine.describe().killing.note;
        eprintln!("skipped: this host has no {}, but {has}: {note}", method.name());
        return None;
    }
    Some(world)
}

macro_rules! with_each_method {
    ($($name:ident)*) => {
        with_each_method!(@method cgroup_kill, by_group, CgroupKill, $($name)*);
        with_each_method!(@method freezer, by_freezer, Freezer, $($name)*);
        with_each_method!(@method pid_namespace, by_pid_namespace, PidNamespace, $($name)*);
        with_each_method!(@method subreaper, by_subreaper, Subreaper, $($name)*);
    };
    (@method $module:ident, $adjust:ident, $method:ident, $($name:ident)*) => {
        mod $module {
            $(#[tokio::test] async fn $name() {
                if let Some(world) = super::world(super::$adjust, super::KillMethod::$method) {
                    super::$name(world).await;
                }
            })*
        }
    };
}

with_each_method! {
    a_stop_ends_a_hidden_process
    a_hidden_leftover_is_killed_after_its_grace
    a_stopped_worker_is_killed
    a_tree_that_keeps_forking_is_killed
    a_killed_shim_leaves_no_process_that_can_be_found
}

async fn a_stop_ends_a_hidden_process(world: World) {
    let handle = world.launch(&format!("trap '' TERM; {HIDDEN}; while :; do sleep 0.05; done"), 1).await;
    let hidden = pid_in(&world, "hidden").await;
    let worker = pid(&world.running(&handle).await[0]);
    world.engine.stop(&handle, 0).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Signal(9))]);
    assert_eq!([hidden, worker].map(state), [None; 2]);
}

async fn a_hidden_leftover_is_killed_after_its_grace(world: World) {
    let handle = world.launch(&format!("{HIDDEN}; until [ -e go ]; do sleep 0.01; done"), 1).await;
    let hidden = pid_in(&world, "hidden").await;
    world.touch("go");
    let end = world.end(&handle).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert!((end.ended - end.workers[0].ended_ms.unwrap()).as_ms() >= 4_900);
    assert_eq!(state(hidden), None);
}

async fn a_stopped_worker_is_killed(world: World) {
    let handle = world.launch(&format!("{HIDDEN}; while :; do sleep 0.05; done"), 1).await;
    let hidden = pid_in(&world, "hidden").await;
    let worker = pid(&world.running(&handle).await[0]);
    for pid in [hidden, worker] {
        signal(pid, Signal::SIGSTOP);
        until("the halt", || state(pid) == Some('T')).await;
    }
    world.engine.stop(&handle, 1).await.unwrap();
    world.end(&handle).await;
    assert_eq!([hidden, worker].map(state), [None; 2]);
}

async fn a_tree_that_keeps_forking_is_killed(world: World) {
    // Each generation forks the next in its own session and without a tag, and ends.
    let command = "
        trap '' TERM
        cat > next <<'END'
        trap '' TERM
        if [ ! -e enough ]; then setsid env -i PATH=$PATH sh ./next & fi
END
        for line in 1 2 3 4; do setsid env -i PATH=$PATH sh ./next & done
        touch ready; while :; do sleep 0.05; done";
    let handle = world.launch(command, 1).await;
    world.appears("ready").await;
    world.engine.stop(&handle, 0).await.unwrap();
    world.end(&handle).await;
    // A remaining process would have the job's directory as its own.
    assert_eq!(running_in(&world), [] as [i32; 0]);
    world.touch("enough");
}

/// The processes that run in the job's own directory.
fn running_in(world: &World) -> Vec<i32> {
    let work = world.file("");
    let entries =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    entries.filter(|pid: &i32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir == work)).collect()
}

async fn a_killed_shim_leaves_no_process_that_can_be_found(world: World) {
    let handle = world.launch(&format!("{HIDDEN}; while :; do sleep 0.05; done"), 1).await;
    let hidden = pid_in(&world, "hidden").await;
    let worker = pid(&world.running(&handle).await[0]);
    signal(world.shim(), Signal::SIGKILL);
    until_some("lost", || async { matches!(world.observe(&handle).await, Observed::Lost { .. }).then_some(()) }).await;
    until("the worker's end", || state(worker).is_none()).await;
    if world.engine.describe().killing.means == KillMethod::Subreaper.name() {
        // This method cannot do more, and says so.
        assert!(world.engine.describe().killing.note.contains("may outlive"));
        assert!(state(hidden).is_some());
        signal(hidden, Signal::SIGKILL);
    }
    until("the hidden one's end", || state(hidden).is_none()).await;
}

/// The same where no pid namespace is permitted, so that only the kill method ends processes.
#[test]
fn every_process_ends_where_no_pid_namespace_is_permitted() {
    let many = ["kill_methods::cgroup_kill", "kill_methods::freezer", "groups::", "lost::", "--skip", "at_any_moment"];
    // This test kills all shims of its process.
    let one = ["lost::a_shim_killed_at_any_moment_runs_at_most_once_and_its_end_is_reported", "--exact"];
    for tests in [&many[..], &one] {
        let Some((done, said)) = with_covered_proc(0, tests) else { return };
        assert!(done.success() && said.contains(" passed"), "{said}");
    }
}

#[test]
fn methods_are_ordered_and_named() {
    let all = [KillMethod::CgroupKill, KillMethod::Freezer, KillMethod::PidNamespace, KillMethod::Subreaper];
    assert!(all.is_sorted());
    assert_eq!(all.map(KillMethod::name), ["cgroup.kill", "freezer", "pid namespace", "subreaper"]);
    assert!(all.iter().all(|method| method.description().contains("outlive")));
}
