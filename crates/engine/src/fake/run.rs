//! The runs of the fake engine: how one starts and how one ends.

use trainyard_domain::{
    attempt::{Exit, WorkerFact, WorkerHost},
    time::{Span, WallTime},
};

use crate::{Launch, Observed};

/// A run with workers that start now, spread over these hosts in turn. Without hosts, no worker has one.
pub(super) fn started(launch: &Launch, now: WallTime, hosts: &[&str]) -> Observed {
    let mut names = hosts.iter().cycle();
    let workers = launch.workers.iter().map(|worker| WorkerFact {
        pid: worker.process.then_some(1000 + worker.rank),
        started_ms: worker.process.then_some(now),
        host: names.next().map(|name| WorkerHost { name: (*name).to_owned(), address: None }),
        ..WorkerFact::unknown(worker.rank)
    });
    Observed::Running { started: Some(now), running: Span::ZERO, workers: workers.collect() }
}

/// A run that ends now.
pub(super) fn ended(
    run: &Observed,
    now: WallTime,
    exit: impl Fn(u32) -> Exit,
    first_failure: Option<u32>,
    stopped: bool,
) -> Observed {
    let (started, mut workers) = match run {
        Observed::Running { started, workers, .. } => (*started, workers.clone()),
        _ => (None, Vec::new()),
    };
    for worker in workers.iter_mut().filter(|worker| worker.pid.is_some() && worker.exit.is_none()) {
        worker.exit = Some(exit(worker.rank));
        worker.ended_ms = Some(now);
    }
    let running = started.map_or(Span::ZERO, |started| now - started);
    Observed::Ended { started, ended: now, running, workers, first_failure, stopped }
}

/// Whether the run has not ended yet.
pub(super) fn is_live(run: &Observed) -> bool {
    matches!(run, Observed::Waiting { .. } | Observed::Running { .. })
}
