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
    time::Span,
};

use super::{gang::Gang, prepare::Prepared};
use crate::local::{
    clock::{steady_time, wall_time},
    dirs,
    durable::{self, ReservedFile},
    notify,
    record::{self, FORMAT, Phase, Status},
};

/// The pause before a failed write is retried.
const RETRY: Duration = Duration::from_secs(1);

/// Bytes that are reserved for one status: a base, and an amount for each worker.
const RESERVED: (u64, u64) = (4096, 1024);

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Durability {
    /// Readers see the change; a power cut may lose it.
    Visible,
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
    unwritten: Option<Durability>,
    retry_at: Option<Instant>,
    /// Reserved files for the first and the last status. Without them, both have to wait on a full disk.
    first: Option<ReservedFile>,
    last: Option<ReservedFile>,
}

impl Report {
    /// The report of an attempt without started workers.
    pub(super) fn new(prepared: &Prepared) -> Self {
        let mut workers: Vec<WorkerFact> =
            prepared.launch.workers.iter().map(|worker| WorkerFact::unknown(worker.rank)).collect();
        workers.sort_by_key(|worker| worker.rank);
        let status = Status {
            format: FORMAT,
            boot_id: prepared.started.boot_id.clone(),
            shim: Some(prepared.started.shim),
            phase: Phase::Starting,
            started_ms: None,
            started_monotonic_ms: None,
            ended_ms: None,
            running_ms: Span::ZERO,
            first_failure: None,
            stopped: false,
            workers,
        };
        let (path, wake) = (prepared.dir.status(), dirs::wake(&prepared.data));
        let size =
            RESERVED.0.saturating_add(RESERVED.1.saturating_mul(status.workers.len().try_into().unwrap_or_default()));
        let [first, last] = prepared.dir.reserved().map(|path| ReservedFile::allocate(path, size).ok());
        let job = prepared.launch.job.clone();
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
    pub(super) fn started(&mut self, rank: u32, pid: Option<u32>) {
        self.starts.insert(rank, Instant::now());
        if let Some(worker) = self.worker(rank) {
            worker.pid = pid;
            worker.started_ms = Some(wall_time());
        }
        self.add_change(Durability::Visible);
    }

    /// The main processes of all workers exist.
    pub(super) fn all_started(&mut self, now: Instant) {
        self.start = Some(now);
        self.status.started_ms = Some(wall_time());
        self.status.started_monotonic_ms = Some(steady_time());
        self.status.phase = Phase::Running;
        self.add_change(Durability::Visible);
    }

    /// A main process exited or could not be started. `oom_kills` is how many processes of its group the kernel killed for
    /// lack of memory, if the kernel counts them.
    ///
    /// The running time of a worker shows whether its command existed at all. So its end is its start plus the time of the
    /// monotonic clock: setting the host's clock meanwhile changes nothing.
    pub(super) fn exited(&mut self, rank: u32, exit: Exit, oom_kills: Option<u64>) {
        let ran = self.starts.get(&rank).map(Instant::elapsed);
        let ran = ran.map(Span::from);
        if let Some(worker) = self.worker(rank) {
            worker.exit = Some(exit);
            worker.oom_killed = oom_kills.is_some_and(|kills| kills > 0);
            worker.oom_counted = oom_kills.is_some();
            let end = worker.started_ms.zip(ran).map(|(start, ran)| start + ran);
            worker.ended_ms = Some(end.unwrap_or_else(wall_time));
        }
        self.add_change(Durability::Durable);
    }

    /// The end of the attempt has started.
    pub(super) fn ending(&mut self) {
        if self.status.phase != Phase::Ending {
            self.status.phase = Phase::Ending;
            self.add_change(Durability::Visible);
        }
    }

    /// No process of the attempt is left.
    pub(super) fn ended(&mut self, now: Instant) {
        self.status.phase = Phase::Ended;
        self.status.ended_ms = Some(wall_time());
        self.status.running_ms = self.running(now);
        self.add_change(Durability::Durable);
    }

    /// When a failed write is retried.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Writes unwritten changes and notifies the server, unless a write failed a moment ago.
    pub(super) fn write_soon(&mut self, gang: &Gang, now: Instant) {
        let is_waiting = self.retry_at.is_some_and(|at| now < at);
        if self.unwritten.is_some() && !is_waiting && self.write(gang, now).is_ok() {
            self.notify_server();
        }
    }

    /// Writes unwritten changes.
    pub(super) fn write(&mut self, gang: &Gang, now: Instant) -> io::Result<()> {
        let Some(durability) = self.unwritten else { return Ok(()) };
        self.status.first_failure = gang.first_failure();
        self.status.stopped = gang.stopped();
        if self.status.phase != Phase::Ended {
            self.status.running_ms = self.running(now);
        }
        let bytes = record::bytes(&self.status)?;
        let written = match (self.first.take(), durability) {
            (Some(first), Durability::Visible) => first.replace_without_sync(&self.path, &bytes),
            (Some(first), Durability::Durable) => first.replace(&self.path, &bytes),
            (None, Durability::Visible) => durable::replace_without_sync(&self.path, &bytes),
            (None, Durability::Durable) => durable::replace(&self.path, &bytes),
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
                    super::log_error(&format!("cannot write status.json, will retry: {error}"));
                }
                self.retry_at = Some(now + RETRY);
            }
        }
        written
    }

    /// Deletes the reserved files, after the end was written.
    pub(super) fn delete_reserved(&self) {
        self.first.iter().chain(&self.last).for_each(ReservedFile::delete);
    }

    /// Notifies the server that the job has changed.
    pub(super) fn notify_server(&self) {
        notify::send_line(&self.wake, self.job.as_str());
    }

    fn add_change(&mut self, durability: Durability) {
        self.unwritten = self.unwritten.max(Some(durability));
    }

    fn worker(&mut self, rank: u32) -> Option<&mut WorkerFact> {
        self.status.workers.iter_mut().find(|worker| worker.rank == rank)
    }

    fn running(&self, now: Instant) -> Span {
        self.start.map_or(Span::ZERO, |start| Span::from(now.duration_since(start)))
    }
}
