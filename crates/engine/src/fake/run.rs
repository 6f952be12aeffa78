//! The runs of the fake engine: how one starts and how one ends.

use trainyard_domain::{
    attempt::{Exit, WorkerFact, WorkerHost},
    time::WallTime,
};

use crate::{Launch, Observed};

/// A run with workers that start now, spread over these hosts in turn. Without hosts, no worker has one.
pub(super) fn started(launch: &Launch, now_ms: i64, hosts: &[&str]) -> Observed {
    let mut names = hosts.iter().cycle();
    let workers = launch.workers.iter().map(|worker| WorkerFact {
        pid: worker.process.then_some(1000 + worker.rank),
        started_ms: worker.process.then_some(WallTime::from_ms(now_ms)),
        host: names.next().map(|name| WorkerHost { name: (*name).to_owned(), address: None }),
        ..WorkerFact::unknown(worker.rank)
    });
    Observed::Running { started_ms: Some(now_ms), running_ms: 0, workers: workers.collect() }
}

/// A run that ends now.
pub(super) fn ended(
    run: &Observed,
    now_ms: i64,
    exit: impl Fn(u32) -> Exit,
    first_failure: Option<u32>,
    stopped: bool,
) -> Observed {
    let (started_ms, mut workers) = match run {
        Observed::Running { started_ms, workers, .. } => (*started_ms, workers.clone()),
        _ => (None, Vec::new()),
    };
    for worker in workers.iter_mut().filter(|worker| worker.pid.is_some() && worker.exit.is_none()) {
        worker.exit = Some(exit(worker.rank));
        worker.ended_ms = Some(WallTime::from_ms(now_ms));
    }
    let running_ms = started_ms.map_or(0, |started_ms| now_ms - started_ms);
    Observed::Ended { started_ms, ended_ms: now_ms, running_ms, workers, first_failure, stopped }
}

/// Whether the run has not ended yet.
pub(super) fn is_live(run: &Observed) -> bool {
    matches!(run, Observed::Waiting { .. } | Observed::Running { .. })
}
