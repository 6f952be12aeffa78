//! What the shim knows, and its writing down: `status.json`, then a poke for the server.
//!
//! Ends are written so that they survive a power cut; what is only news is not. Where it cannot be written, as on a full
//! disk, it is tried again, so that no end is ever left unsaid.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use trainyard_domain::{
    attempt::{Exit, WorkerFact},
    id::JobId,
};

use super::{
    clock::{monotonic_ms, wall_ms},
    gang::Gang,
    ready::Ready,
};
use crate::local::{
    dirs,
    durable::{self, Spare},
    notify,
    record::{self, FORMAT, Phase, Status},
};

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How many bytes are held for the end, and how many more for each worker.
const SPARE: (u64, u64) = (4096, 1024);

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Care {
    /// Readers see it.
    Wakeup,
    /// It survives a power cut.
    Durable,
}

/// The status and where it goes.
#[derive(Debug)]
pub(super) struct Report {
    path: PathBuf,
    wake: PathBuf,
    job: JobId,
    status: Status,
    /// When all workers had been started.
    start: Option<Instant>,
    /// When each had been, by rank.
    starts: BTreeMap<u32, Instant>,
    unwritten: Option<Care>,
    retry_at: Option<Instant>,
    /// Room for what is written first and for the end. Without, both wait on a full disk.
    first: Option<Spare>,
    last: Option<Spare>,
}

impl Report {
    /// Nothing has been started.
    pub(super) fn new(ready: &Ready) -> Self {
        let mut workers: Vec<WorkerFact> =
            ready.launch.workers.iter().map(|worker| WorkerFact::unknown(worker.rank)).collect();
        workers.sort_by_key(|worker| worker.rank);
        let status = Status {
            format: FORMAT,
            boot_id: ready.started.boot_id.clone(),
            shim: Some(ready.started.shim),
            phase: Phase::Starting,
            started_ms: None,
            started_monotonic_ms: None,
            ended_ms: None,
            running_ms: 0,
            first_failure: None,
            stopped: false,
            workers,
        };
        let (path, wake) = (ready.dir.status(), dirs::wake(&ready.data));
        let size = SPARE.0.saturating_add(SPARE.1.saturating_mul(status.workers.len().try_into().unwrap_or_default()));
        let [first, last] = ready.dir.room().map(|path| Spare::hold(path, size).ok());
        let job = ready.launch.job.clone();
        Self {
            path,
            wake,
            job,
            status,
            start: None,
            starts: BTreeMap::new(),
            unwritten: None,
            retry_at: None,
            first,
            last,
        }
    }

    /// A main process exists; its pid as it is seen outside, where that is known.
    pub(super) fn began(&mut self, rank: u32, pid: Option<u32>) {
        self.starts.insert(rank, Instant::now());
        if let Some(worker) = self.worker(rank) {
            worker.pid = pid;
            worker.started_ms = Some(wall_ms());
        }
        self.note(Care::Wakeup);
    }

    /// The main processes of all workers exist.
    pub(super) fn all_started(&mut self, now: Instant) {
        self.start = Some(now);
        self.status.started_ms = Some(wall_ms());
        self.status.started_monotonic_ms = Some(monotonic_ms());
        self.status.phase = Phase::Running;
        self.note(Care::Wakeup);
    }

    /// A main process ended, or could not be started; and how many its group has lost for want of memory, where
    /// that is counted.
    ///
    /// How long a worker ran says whether its command was there at all, so its end is told by its start and the
    /// monotonic clock: setting the host's clock meanwhile changes nothing.
    pub(super) fn exited(&mut self, rank: u32, exit: Exit, oom_kills: Option<u64>) {
        let ran = self.starts.get(&rank).map(Instant::elapsed);
        let ran_ms = ran.and_then(|ran| i64::try_from(ran.as_millis()).ok());
        if let Some(worker) = self.worker(rank) {
            worker.exit = Some(exit);
            worker.oom_killed = oom_kills.is_some_and(|kills| kills > 0);
            worker.oom_counted = oom_kills.is_some();
            let end = worker.started_ms.zip(ran_ms).map(|(start, ran_ms)| start + ran_ms);
            worker.ended_ms = Some(end.unwrap_or_else(wall_ms));
        }
        self.note(Care::Durable);
    }

    /// The end has begun.
    pub(super) fn is_ending(&mut self) {
        if self.status.phase != Phase::Ending {
            self.status.phase = Phase::Ending;
            self.note(Care::Wakeup);
        }
    }

    /// No process is left.
    pub(super) fn is_over(&mut self, now: Instant) {
        self.status.phase = Phase::Ended;
        self.status.ended_ms = Some(wall_ms());
        self.status.running_ms = self.running_ms(now);
        self.note(Care::Durable);
    }

    /// When a write that failed is to be tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Writes what is unwritten and tells the server, unless that failed a moment ago.
    pub(super) fn write_soon(&mut self, gang: &Gang, now: Instant) {
        let waits = self.retry_at.is_some_and(|at| now < at);
        if self.unwritten.is_some() && !waits && self.write(gang, now).is_ok() {
            self.wake_server();
        }
    }

    /// Writes what is unwritten.
    pub(super) fn write(&mut self, gang: &Gang, now: Instant) -> io::Result<()> {
        let Some(care) = self.unwritten else { return Ok(()) };
        self.status.first_failure = gang.first_failure();
        self.status.stopped = gang.stopped();
        if self.status.phase != Phase::Ended {
            self.status.running_ms = self.running_ms(now);
        }
        let bytes = record::bytes(&self.status)?;
        let written = match (self.first.take(), care) {
            (Some(first), Care::Wakeup) => first.replace_without_sync(&self.path, &bytes),
            (Some(first), Care::Durable) => first.replace(&self.path, &bytes),
            (None, Care::Wakeup) => durable::replace_without_sync(&self.path, &bytes),
            (None, Care::Durable) => durable::replace(&self.path, &bytes),
        };
        let written = match (written, &self.last) {
            (Err(error), Some(last)) if self.status.phase == Phase::Ended && durable::is_full(&error) => {
                last.replace(&self.path, &bytes)
            }
            (written, _) => written,
        };
        match &written {
            Ok(()) => (self.unwritten, self.retry_at) = (None, None),
            Err(error) => {
                if self.retry_at.is_none() {
                    super::complain(&format!("the status cannot be written and will be tried again: {error}"));
                }
                self.retry_at = Some(now + RETRY);
            }
        }
        written
    }

    /// The end is written, and no room for it is needed any more.
    pub(super) fn give_up_room(&self) {
        self.first.iter().chain(&self.last).for_each(Spare::give_up);
    }

    /// Tells the server that there is news.
    pub(super) fn wake_server(&self) {
        notify::tell(&self.wake, self.job.as_str());
    }

    fn note(&mut self, care: Care) {
        self.unwritten = self.unwritten.max(Some(care));
    }

    fn worker(&mut self, rank: u32) -> Option<&mut WorkerFact> {
        self.status.workers.iter_mut().find(|worker| worker.rank == rank)
    }

    fn running_ms(&self, now: Instant) -> i64 {
        self.start.map_or(0, |start| i64::try_from(now.duration_since(start).as_millis()).unwrap_or(i64::MAX))
    }
}
