//! The report of the shim: it writes `status.json`, then notifies the server.
//!
//! The shim syncs ends, so that they survive a power cut, and no other changes. It retries a write that fails, for example
//! on a full disk, so that every end is recorded.

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

/// The pause before a failed write is retried.
const RETRY: Duration = Duration::from_secs(1);

/// Bytes that are reserved for one status: a base, and an amount for each worker.
const SPARE: (u64, u64) = (4096, 1024);

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Care {
    /// Readers see the change; a power cut may lose it.
    Wakeup,
    /// The change survives a power cut.
    Durable,
}

/// The status of the attempt, and where it is written.
#[derive(Debug)]
pub(super) struct Report {
    path: PathBuf,
    wake: PathBuf,
    job: JobId,
    status: Status,
    /// When all workers had started.
    start: Option<Instant>,
    /// When each main process started, by rank.
    starts: BTreeMap<u32, Instant>,
    unwritten: Option<Care>,
    retry_at: Option<Instant>,
    /// Reserved files for the first and the last status. Without them, both have to wait on a full disk.
    first: Option<Spare>,
    last: Option<Spare>,
}

impl Report {
    /// The report of an attempt without started workers.
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

    /// A main process was started. Its pid is that of the host, if known.
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

    /// A main process exited or could not be started. `oom_kills` is how many processes of its group the kernel killed for
    /// lack of memory, if the kernel counts them.
    ///
    /// The running time of a worker shows whether its command existed at all. So its end is its start plus the time of the
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

    /// The end of the attempt has started.
    pub(super) fn is_ending(&mut self) {
        if self.status.phase != Phase::Ending {
            self.status.phase = Phase::Ending;
            self.note(Care::Wakeup);
        }
    }

    /// No process of the attempt is left.
    pub(super) fn is_over(&mut self, now: Instant) {
        self.status.phase = Phase::Ended;
        self.status.ended_ms = Some(wall_ms());
        self.status.running_ms = self.running_ms(now);
        self.note(Care::Durable);
    }

    /// When a failed write is retried.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Writes unwritten changes and notifies the server, unless a write failed a moment ago.
    pub(super) fn write_soon(&mut self, gang: &Gang, now: Instant) {
        let waits = self.retry_at.is_some_and(|at| now < at);
        if self.unwritten.is_some() && !waits && self.write(gang, now).is_ok() {
            self.wake_server();
        }
    }

    /// Writes unwritten changes.
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
                    super::complain(&format!("cannot write status.json, will retry: {error}"));
                }
                self.retry_at = Some(now + RETRY);
            }
        }
        written
    }

    /// Deletes the reserved files, after the end was written.
    pub(super) fn give_up_room(&self) {
        self.first.iter().chain(&self.last).for_each(Spare::give_up);
    }

    /// Notifies the server that the job has changed.
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
