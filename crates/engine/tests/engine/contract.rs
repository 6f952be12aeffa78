//! What every engine promises, tried on each.

use std::collections::BTreeSet;

use trainyard_domain::{capacity::Capacity, id::JobId};
use trainyard_engine::{Engine, EngineError, Observed, fake::FakeEngine};

use crate::support::{World, end, observe, plan, until_some};

/// Runs until it is stopped.
const ENDLESS: &str = "while :; do sleep 0.05; done";

macro_rules! promises {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test] async fn $name() {
                let world = super::World::new();
                super::$name(&world.engine, &world.job).await;
            })*
        }
        mod fake {
            $(#[tokio::test] async fn $name() {
                let capacity = super::Capacity { cpu_milli: 1000, memory_bytes: 1 << 30, gpus: Vec::new() };
                let engine = super::FakeEngine::new(capacity, "/fake");
                super::$name(&engine, &super::JobId::from_random([7; 10])).await;
            })*
        }
    };
}

promises! {
    one_launch_for_two_calls
    a_run_is_running_and_then_stopped
    cancelled_before_it_began_it_never_begins
    cancelled_after_it_began_its_handle_is_told
    answers_come_in_the_order_of_the_questions
    files_stay_while_a_job_runs
    paths_depend_on_names_only
    ports_differ_and_are_not_taken
    there_is_something_to_hand_out
    news_may_be_dropped
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
            Observed::Running { started_ms: Some(_), workers, .. } => Some(workers),
            _ => None,
        }
    })
    .await;
    assert_eq!(workers.iter().map(|worker| worker.rank).collect::<Vec<_>>(), [0, 1]);
    assert!(workers.iter().all(|worker| worker.pid.is_some() && worker.exit.is_none()));
    engine.stop(&handle, 30).await.unwrap();
    engine.stop(&handle, 30).await.unwrap();
    let end = end(engine, &handle).await;
    assert_eq!((end.stopped, end.first_failure), (true, None));
    assert!(end.workers.iter().all(|worker| worker.exit.is_some() && worker.ended_ms.is_some()));
    engine.stop(&handle, 30).await.unwrap();
}

async fn cancelled_before_it_began_it_never_begins(engine: &dyn Engine, job: &JobId) {
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

async fn cancelled_after_it_began_its_handle_is_told(engine: &dyn Engine, job: &JobId) {
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

async fn paths_depend_on_names_only(engine: &dyn Engine, job: &JobId) {
    let (first, second) = (engine.paths(job, 1), engine.paths(job, 2));
    assert_ne!(first.attempt_dir, second.attempt_dir);
    assert_eq!(first.checkpoint_dir, second.checkpoint_dir);
    assert_eq!(first.work_dir, second.work_dir);
    assert!(first.hostfile.starts_with(&first.attempt_dir));
    assert_ne!(engine.log_path(job, 1, 0), engine.log_path(job, 1, 1));
    assert!(engine.log_path(job, 2, 0).starts_with(&second.attempt_dir));
}

async fn ports_differ_and_are_not_taken(engine: &dyn Engine, _: &JobId) {
    let taken: BTreeSet<u16> = (20_000..25_000).collect();
    let ports = engine.free_ports(4, &taken).await.unwrap();
    let distinct: BTreeSet<u16> = ports.iter().copied().collect();
    assert_eq!((ports.len(), distinct.len()), (4, 4));
    assert!(distinct.iter().all(|port| (25_000..30_000).contains(port)));
    assert_eq!(engine.free_ports(0, &taken).await.unwrap(), [] as [u16; 0]);
}

async fn there_is_something_to_hand_out(engine: &dyn Engine, _: &JobId) {
    let capacity = engine.capacity().await.unwrap();
    assert!(capacity.cpu_milli >= 1000 && capacity.memory_bytes > 0);
    assert!(!engine.describe().engine.is_empty());
    assert!(engine.base_env().iter().any(|(name, _)| name == "PATH"));
}

async fn news_may_be_dropped(engine: &dyn Engine, job: &JobId) {
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
