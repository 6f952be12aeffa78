//! The promises of every engine, checked on each: the local engine and the fake one with both placings.

use std::{collections::BTreeSet, sync::Arc};

use trainyard_domain::{
    attempt::Exit,
    capacity::{Capacity, Gpu},
    id::JobId,
    time::WallTime,
};
use trainyard_engine::{
    Engine, EngineError, Handle, Node, Observed, Placing, Resources, WorkerUser,
    fake::{FakeEngine, Verb},
    log::LogSource,
};

use crate::support::{World, end, observe, plan, until_some};

/// A command that runs until it is stopped.
const ENDLESS: &str = "while :; do sleep 0.05; done";

fn capacity() -> Capacity {
    Capacity { cpu_milli: 1000, memory_bytes: 1 << 30, gpus: vec![Gpu { index: 0, model: "H100".to_owned() }] }
}

fn nodes() -> Resources {
    let node = |name: &str| Node { name: name.to_owned(), capacity: capacity() };
    Resources::Nodes(vec![node("n1"), node("n2")])
}

fn job() -> JobId {
    JobId::from_random([7; 10])
}

macro_rules! promises {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test] async fn $name() {
                let world = super::World::new();
                super::$name(&world.engine, &world.job).await;
            })*
        }
        mod fake_that_the_server_places {
            $(#[tokio::test] async fn $name() {
                let engine = super::FakeEngine::new(super::capacity(), "/fake");
                super::$name(&engine, &super::job()).await;
            })*
        }
        mod fake_that_places_itself {
            $(#[tokio::test] async fn $name() {
                let engine = super::FakeEngine::cluster(super::nodes());
                engine.start_at_once();
                super::$name(&engine, &super::job()).await;
            })*
        }
    };
}

promises! {
    one_launch_for_two_calls
    a_run_is_running_and_then_stopped
    cancelled_before_it_started_it_never_starts
    cancelled_after_it_started_its_handle_is_returned
    answers_come_in_the_order_of_the_questions
    files_stay_while_a_job_runs
    a_job_is_found_until_it_is_forgotten
    an_abandoned_job_ends
    each_worker_of_each_attempt_has_a_log_of_its_own
    paths_depend_on_names_only
    ports_differ_and_are_not_taken
    there_is_something_to_allocate
    wakeups_may_be_dropped
}

async fn one_launch_for_two_calls(engine: &dyn Engine, job: &JobId) {
    let plan = plan(job, ENDLESS, 1);
    let first = engine.launch(&plan).await.unwrap();
    assert_eq!(engine.launch(&plan).await.unwrap(), first);
    let mut next = plan.clone();
    next.attempt = 2;
    let second = engine.launch(&next).await.unwrap();
    assert_ne!(second, first);
    for handle in [&first, &second] {
        engine.stop(handle, 0).await.unwrap();
        end(engine, handle).await;
    }
    assert_eq!(engine.launch(&plan).await.unwrap(), first);
    end(engine, &first).await;
}

async fn a_run_is_running_and_then_stopped(engine: &dyn Engine, job: &JobId) {
    let handle = engine.launch(&plan(job, ENDLESS, 2)).await.unwrap();
    let workers = until_some("running", || async {
        match observe(engine, &handle).await {
            Observed::Running { started: Some(_), workers, .. } => Some(workers),
            _ => None,
        }
    })
    .await;
    assert_eq!(workers.iter().map(|worker| worker.rank).collect::<Vec<_>>(), [0, 1]);
    assert!(workers.iter().all(|worker| worker.started_ms.is_some() && worker.exit.is_none()));
    // A pid is a process of this host.
    assert!(engine.local().is_none() || workers.iter().all(|worker| worker.pid.is_some()));
    assert!(workers.iter().all(|worker| worker.host.as_ref().is_some_and(|host| !host.name.is_empty())));
    engine.stop(&handle, 30).await.unwrap();
    engine.stop(&handle, 30).await.unwrap();
    let end = end(engine, &handle).await;
    assert_eq!((end.stopped, end.first_failure), (true, None));
    assert!(end.workers.iter().all(|worker| worker.exit.is_some() && worker.ended_ms.is_some()));
    engine.stop(&handle, 30).await.unwrap();
}

async fn cancelled_before_it_started_it_never_starts(engine: &dyn Engine, job: &JobId) {
    assert_eq!(engine.cancel(job, 1).await, Ok(None));
    assert!(matches!(engine.launch(&plan(job, ENDLESS, 1)).await, Err(EngineError::Refused(_))));
    assert_eq!(engine.cancel(job, 1).await, Ok(None));
    let mut other = plan(job, ENDLESS, 1);
    other.attempt = 2;
    let handle = engine.launch(&other).await.unwrap();
    engine.stop(&handle, 0).await.unwrap();
    end(engine, &handle).await;
    engine.forget(job).await.unwrap();
}

async fn cancelled_after_it_started_its_handle_is_returned(engine: &dyn Engine, job: &JobId) {
    let handle = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    assert_eq!(engine.cancel(job, 1).await, Ok(Some(handle.clone())));
    engine.stop(&handle, 0).await.unwrap();
    assert!(end(engine, &handle).await.stopped);
    assert_eq!(engine.cancel(job, 1).await, Ok(Some(handle)));
}

async fn answers_come_in_the_order_of_the_questions(engine: &dyn Engine, job: &JobId) {
    assert_eq!(engine.observe(&[]).await, []);
    let runs = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    let mut other = plan(job, ENDLESS, 1);
    other.attempt = 2;
    let ends = engine.launch(&other).await.unwrap();
    engine.stop(&ends, 0).await.unwrap();
    end(engine, &ends).await;
    let answers = engine.observe(&[ends.clone(), runs.clone(), ends]).await;
    let is_over = |answer: &Result<Observed, _>| matches!(answer, Ok(Observed::Ended { .. }));
    assert_eq!(answers.iter().map(is_over).collect::<Vec<_>>(), [true, false, true]);
    engine.stop(&runs, 0).await.unwrap();
    end(engine, &runs).await;
}

async fn files_stay_while_a_job_runs(engine: &dyn Engine, job: &JobId) {
    engine.forget(job).await.unwrap();
    let handle = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    assert!(engine.forget(job).await.is_err());
    engine.stop(&handle, 0).await.unwrap();
    end(engine, &handle).await;
    engine.forget(job).await.unwrap();
    engine.forget(job).await.unwrap();
    assert!(matches!(observe(engine, &handle).await, Observed::Lost { .. }));
}

async fn a_job_is_found_until_it_is_forgotten(engine: &dyn Engine, job: &JobId) {
    assert_eq!(engine.found().await.unwrap(), []);
    assert_eq!(engine.has_trace(job, 1, None).await, Ok(false));
    let handle = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    assert_eq!(engine.found().await.unwrap(), std::slice::from_ref(job));
    for handle in [None, Some(&handle)] {
        assert_eq!(engine.has_trace(job, 1, handle).await, Ok(true));
    }
    assert_eq!(engine.has_trace(job, 2, None).await, Ok(false));
    engine.stop(&handle, 0).await.unwrap();
    end(engine, &handle).await;
    assert_eq!(engine.has_trace(job, 1, Some(&handle)).await, Ok(true));
    engine.forget(job).await.unwrap();
    assert_eq!(engine.found().await.unwrap(), []);
    assert_eq!(engine.has_trace(job, 1, Some(&handle)).await, Ok(false));
}

async fn an_abandoned_job_ends(engine: &dyn Engine, job: &JobId) {
    assert_eq!(engine.abandon(job, 0).await, Ok(0));
    let handle = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    assert_eq!(engine.abandon(job, 0).await, Ok(1));
    end(engine, &handle).await;
    assert_eq!(engine.abandon(job, 0).await, Ok(0));
}

async fn each_worker_of_each_attempt_has_a_log_of_its_own(engine: &dyn Engine, job: &JobId) {
    let logs: Vec<Arc<dyn LogSource>> =
        [(1, 0), (1, 1), (2, 0)].into_iter().map(|(attempt, rank)| engine.logs(job, attempt, rank)).collect();
    let names: BTreeSet<String> = logs.iter().map(|log| log.name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for log in &logs {
        assert_eq!(log.size().unwrap(), 0);
        assert!(log.open().unwrap().is_none());
    }
}

async fn paths_depend_on_names_only(engine: &dyn Engine, job: &JobId) {
    let Some(host) = engine.local() else { return };
    let (first, second) = (host.paths(job, 1), host.paths(job, 2));
    assert_ne!(first.attempt_dir, second.attempt_dir);
    assert_eq!(first.checkpoint_dir, second.checkpoint_dir);
    assert_eq!(first.work_dir, second.work_dir);
    assert!(first.hostfile.starts_with(&first.attempt_dir));
    assert!(first.attempt_dir.starts_with(host.data_dir()));
    if let Some(path) = engine.logs(job, 2, 0).path() {
        assert_ne!(engine.logs(job, 1, 0).path(), engine.logs(job, 1, 1).path());
        assert!(path.starts_with(&second.attempt_dir));
    }
}

async fn ports_differ_and_are_not_taken(engine: &dyn Engine, _: &JobId) {
    let Some(host) = engine.local() else { return };
    let taken: BTreeSet<u16> = (20_000..25_000).collect();
    let ports = host.free_ports(4, &taken).await.unwrap();
    let distinct: BTreeSet<u16> = ports.iter().copied().collect();
    assert_eq!((ports.len(), distinct.len()), (4, 4));
    assert!(distinct.iter().all(|port| (25_000..30_000).contains(port)));
    assert_eq!(host.free_ports(0, &taken).await.unwrap(), [] as [u16; 0]);
}

async fn there_is_something_to_allocate(engine: &dyn Engine, _: &JobId) {
    let capacity = engine.capacity().await.unwrap().total().unwrap();
    assert!(capacity.cpu_milli >= 1000 && capacity.memory_bytes > 0);
    let indices: Vec<u32> = capacity.gpus.iter().map(|gpu| gpu.index).collect();
    assert_eq!(indices.iter().collect::<BTreeSet<_>>().len(), indices.len(), "{indices:?}");
    assert!(!engine.describe().engine.is_empty());
    assert_eq!(engine.placing() == Placing::Server, engine.local().is_some());
    let Some(host) = engine.local() else { return };
    assert!(host.base_env(&WorkerUser::Server).await.unwrap().iter().any(|(name, _)| name == "PATH"));
    assert!(!host.identity().name.is_empty());
    assert!(host.port_count() > 0);
    let disk = host.disk_space().await.unwrap();
    assert!(disk.free_bytes <= disk.size_bytes && disk.size_bytes > 0);
}

async fn wakeups_may_be_dropped(engine: &dyn Engine, job: &JobId) {
    let handle = engine.launch(&plan(job, ENDLESS, 1)).await.unwrap();
    for _ in 0..100 {
        let _ = tokio::time::timeout(std::time::Duration::ZERO, engine.wakeup()).await;
    }
    engine.stop(&handle, 0).await.unwrap();
    let over = async {
        while !matches!(observe(engine, &handle).await, Observed::Ended { .. }) {
            engine.wakeup().await;
        }
    };
    tokio::time::timeout(crate::support::DEADLINE, over).await.unwrap();
}

#[tokio::test]
async fn a_launch_that_waits_is_seen_waiting_and_runs_when_the_engine_starts_it() {
    let (engine, job) = (FakeEngine::cluster(nodes()), job());
    let handle = engine.launch(&plan(&job, ENDLESS, 3)).await.unwrap();
    assert!(matches!(observe(&engine, &handle).await, Observed::Waiting { expected_start: None, .. }));
    let expected_start = Some(WallTime::from_ms(5_000));
    engine.wait(&job, 1, &["no node is free"], expected_start);
    let waiting = Observed::Waiting { reasons: vec!["no node is free".to_owned()], expected_start };
    assert_eq!(observe(&engine, &handle).await, waiting);
    assert_eq!(engine.launch(&plan(&job, ENDLESS, 3)).await.unwrap(), handle);
    assert_eq!(engine.launches().len(), 1);
    assert!(engine.forget(&job).await.is_err(), "it waits, so the engine still needs its files");
    engine.at_time(WallTime::from_ms(4_000));
    engine.start(&job, 1, &["n1", "n2"]);
    let Observed::Running { started, workers, .. } = observe(&engine, &handle).await else { panic!() };
    assert_eq!(started, Some(WallTime::from_ms(4_000)));
    let hosts: Vec<_> = workers.iter().map(|worker| worker.host.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(hosts, ["n1", "n2", "n1"]);
    engine.finish(&job, 1, 0, Exit::Code(0));
    assert!(!end(&engine, &handle).await.stopped);
}

#[tokio::test]
async fn a_launch_that_waits_can_be_stopped_and_never_starts_then() {
    let (engine, job) = (FakeEngine::cluster(nodes()), job());
    let handle = engine.launch(&plan(&job, ENDLESS, 1)).await.unwrap();
    assert_eq!(engine.cancel(&job, 1).await, Ok(Some(handle.clone())));
    engine.stop(&handle, 30).await.unwrap();
    let end = end(&engine, &handle).await;
    assert_eq!((end.stopped, end.workers.len()), (true, 0));
    assert_eq!(engine.launch(&plan(&job, ENDLESS, 1)).await.unwrap(), handle);
    assert_eq!(engine.launches().len(), 1);
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_says_nothing() {
    for engine in [FakeEngine::cluster(nodes()), FakeEngine::new(capacity(), "/fake")] {
        let (engine, job): (FakeEngine, JobId) = (engine, job());
        engine.start_at_once();
        let handle = engine.launch(&plan(&job, ENDLESS, 1)).await.unwrap();
        let before = observe(&engine, &handle).await;
        engine.set_unreachable(Some("no route"));
        let unreachable = || EngineError::Unreachable("no route".to_owned());
        assert_eq!(engine.capacity().await, Err(unreachable()));
        assert_eq!(engine.launch(&plan(&job, ENDLESS, 1)).await, Err(unreachable()));
        assert_eq!(engine.cancel(&job, 1).await, Err(unreachable()));
        assert_eq!(engine.observe(std::slice::from_ref(&handle)).await, [Err(unreachable())]);
        assert_eq!(engine.stop(&handle, 0).await, Err(unreachable()));
        assert_eq!(engine.forget(&job).await, Err(unreachable()));
        assert_eq!(engine.found().await, Err(unreachable()));
        assert_eq!(engine.has_trace(&job, 1, None).await, Err(unreachable()));
        assert_eq!(engine.abandon(&job, 0).await, Err(unreachable()));
        engine.set_unreachable(None);
        assert_eq!(observe(&engine, &handle).await, before);
        assert_eq!(engine.stops(), []);
    }
}

#[tokio::test]
async fn a_start_without_an_answer_is_found_by_the_next_launch() {
    let (engine, job) = (FakeEngine::cluster(nodes()), job());
    let plan = plan(&job, ENDLESS, 1);
    engine.fail_next(Verb::LaunchAnswer, EngineError::Unreachable("timed out".to_owned()));
    assert!(engine.launch(&plan).await.is_err());
    let handle: Handle = engine.launch(&plan).await.unwrap();
    assert_eq!((engine.launches().len(), engine.cancel(&job, 1).await), (1, Ok(Some(handle))));
}
