//! An engine in memory, for tests of the loops and readers that use engines.
//!
//! It comes with both placings. With the server's placing a launch runs at once; with the engine's own placing it waits
//! until the test starts it. Nothing happens by itself and no time passes: a test drives every step. Each verb can be made
//! to fail once, and the whole engine can be made unreachable.

mod host;
mod log;
mod run;
mod verbs;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};
use trainyard_domain::{attempt::Exit, capacity::Capacity, id::JobId, job_spec::Problem, time::WallTime};

use self::log::MemoryLog;
use crate::{BusyGpu, Deletion, DiskSpace, EngineError, Handle, Launch, Observed, Placing, Resources, log::Cut};

/// A verb that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// [`crate::Engine::capacity`].
    Capacity,
    /// [`crate::LocalHost::busy_gpus`].
    BusyGpus,
    /// [`crate::LocalHost::free_ports`].
    FreePorts,
    /// [`crate::Engine::launch`], before anything starts.
    Launch,
    /// [`crate::Engine::launch`], after the start: the caller learns of the run only by launching again.
    LaunchAnswer,
    /// [`crate::Engine::cancel`].
    Cancel,
    /// [`crate::Engine::observe`], for one handle.
    Observe,
    /// [`crate::Engine::stop`].
    Stop,
    /// [`crate::Engine::forget`].
    Forget,
}

/// One call of [`crate::Engine::stop`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The run that the caller stops.
    pub handle: Handle,
    /// The grace of the stop in seconds.
    pub grace_seconds: u32,
}

/// An engine in the memory of a test.
#[derive(Debug)]
pub struct FakeEngine {
    root: PathBuf,
    placing: Placing,
    changed: Notify,
    answers: watch::Sender<bool>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    resources: Resources,
    problems: Vec<Problem>,
    busy_gpus: Option<Vec<BusyGpu>>,
    disk: DiskSpace,
    now: WallTime,
    starts_at_once: bool,
    hold_stops: bool,
    unreachable: Option<String>,
    launches: Vec<Launch>,
    observed: BTreeSet<String>,
    stops: Vec<Stop>,
    runs: BTreeMap<String, Observed>,
    /// Attempts that were cancelled before they started.
    cancelled: BTreeSet<String>,
    logs: BTreeMap<(String, u32), Arc<Mutex<MemoryLog>>>,
    failures: VecDeque<(Verb, EngineError)>,
    /// What the next calls of `delete_folder` answer, by folder.
    deleted: BTreeMap<PathBuf, VecDeque<Deletion>>,
    deletions: Vec<PathBuf>,
}

impl FakeEngine {
    /// An engine for jobs that the server places, with this capacity. Its paths are below `root`; the engine writes
    /// nothing there.
    pub fn new(capacity: Capacity, root: impl Into<PathBuf>) -> Self {
        Self::with(Placing::Server, Resources::Host(capacity), root.into())
    }

    /// An engine that places its jobs itself. A launch waits until [`FakeEngine::start`].
    pub fn cluster(resources: Resources) -> Self {
        Self::with(Placing::Engine, resources, PathBuf::from("/cluster"))
    }

    fn with(placing: Placing, resources: Resources, root: PathBuf) -> Self {
        let inner = Inner {
            resources,
            problems: Vec::new(),
            busy_gpus: None,
            disk: DiskSpace { free_bytes: 1 << 40, size_bytes: 1 << 41 },
            now: WallTime::from_ms(0),
            starts_at_once: placing == Placing::Server,
            hold_stops: false,
            unreachable: None,
            launches: Vec::new(),
            observed: BTreeSet::new(),
            stops: Vec::new(),
            runs: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            logs: BTreeMap::new(),
            failures: VecDeque::new(),
            deleted: BTreeMap::new(),
            deletions: Vec::new(),
        };
        Self { root, placing, changed: Notify::new(), answers: watch::Sender::new(true), inner: Mutex::new(inner) }
    }

    /// Makes every later launch start at once.
    pub fn start_at_once(&self) {
        self.lock().starts_at_once = true;
    }

    /// Every launch so far that started or queued a run, in order.
    pub fn launches(&self) -> Vec<Launch> {
        self.lock().launches.clone()
    }

    /// Whether a run was ever observed.
    pub fn was_observed(&self, job: &JobId, attempt: u32) -> bool {
        self.lock().observed.contains(&name(job, attempt))
    }

    /// Forgets which runs were observed.
    pub fn forget_observed(&self) {
        self.lock().observed.clear();
    }

    /// Every stop that was requested, in order.
    pub fn stops(&self) -> Vec<Stop> {
        self.lock().stops.clone()
    }

    /// Sets the time that starts and ends are stamped with.
    pub fn at_time(&self, now: WallTime) {
        self.lock().now = now;
    }

    /// Sets the resources.
    pub fn set_resources(&self, resources: Resources) {
        self.lock().resources = resources;
    }

    /// Sets which GPUs are not clean. `None`, the initial value, means that the host cannot tell.
    pub fn set_busy_gpus(&self, busy: Option<Vec<BusyGpu>>) {
        self.lock().busy_gpus = busy;
    }

    /// Sets the room on the disk of the data directory.
    pub fn set_disk_space(&self, disk: DiskSpace) {
        self.lock().disk = disk;
    }

    /// From now on has a folder of a forgotten job, whose deletion answers this, call by call, and at last that it is done.
    pub fn leave_folder(&self, folder: impl Into<PathBuf>, answers: impl IntoIterator<Item = Deletion>) {
        self.lock().deleted.insert(folder.into(), answers.into_iter().collect());
    }

    /// The folder of every call of `delete_folder`, in order.
    pub fn deletions(&self) -> Vec<PathBuf> {
        self.lock().deletions.clone()
    }

    /// Makes every later judgement contain this problem.
    pub fn add_problem(&self, problem: Problem) {
        self.lock().problems.push(problem);
    }

    /// Makes every later stop have no effect; stops are still recorded.
    pub fn hold_stops(&self) {
        self.lock().hold_stops = true;
    }

    /// Makes the next use of this verb fail with this error. Errors of several calls are used in turn.
    pub fn fail_next(&self, verb: Verb, error: EngineError) {
        self.lock().failures.push_back((verb, error));
    }

    /// Makes every later verb fail as unreachable, for this reason. With `None` the engine answers again.
    pub fn set_unreachable(&self, why: Option<&str>) {
        self.lock().unreachable = why.map(str::to_owned);
        self.changed.notify_one();
    }

    /// Makes every later verb wait until this is called with `false`.
    pub fn hang(&self, hangs: bool) {
        self.answers.send_replace(!hangs);
    }

    /// Sets the state of a run that observations return.
    pub fn set(&self, job: &JobId, attempt: u32, observed: Observed) {
        self.lock().runs.insert(name(job, attempt), observed);
        self.changed.notify_one();
    }

    /// Makes a run wait in the engine's queue, for these reasons.
    pub fn wait(&self, job: &JobId, attempt: u32, reasons: &[&str], expected_start: Option<WallTime>) {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        self.set(job, attempt, Observed::Waiting { reasons, expected_start });
    }

    /// Starts all workers of a launched run now, spread over these hosts in turn.
    pub fn start(&self, job: &JobId, attempt: u32, hosts: &[&str]) {
        let mut inner = self.lock();
        let launch = inner.launches.iter().rev().find(|launch| launch.job == *job && launch.attempt == attempt);
        let Some(run) = launch.map(|launch| run::started(launch, inner.now, hosts)) else { return };
        inner.runs.insert(name(job, attempt), run);
        drop(inner);
        self.changed.notify_one();
    }

    /// Ends all workers of a run that still run: the given rank with `exit`, the others with status 0 if `exit` is 0,
    /// otherwise by SIGTERM.
    pub fn finish(&self, job: &JobId, attempt: u32, rank: u32, exit: Exit) {
        let mut inner = self.lock();
        let now = inner.now;
        let Some(run) = inner.runs.get_mut(&name(job, attempt)) else { return };
        let others = if exit == Exit::Code(0) { Exit::Code(0) } else { Exit::Signal(15) };
        let first_failure = (exit != Exit::Code(0)).then_some(rank);
        let exits = |of: u32| if of == rank { exit.clone() } else { others.clone() };
        *run = run::ended(run, now, exits, first_failure, false);
        drop(inner);
        self.changed.notify_one();
    }

    /// Appends these bytes to the output of a worker.
    pub fn print(&self, job: &JobId, attempt: u32, rank: u32, bytes: &[u8]) {
        let mut inner = self.lock();
        let now = inner.now;
        inner.log(job, attempt, rank).lock().unwrap_or_else(PoisonError::into_inner).append(bytes, now);
    }

    /// Cuts a part of a worker's log away.
    pub fn cut_log(&self, job: &JobId, attempt: u32, rank: u32, cut: Cut) {
        self.lock().log(job, attempt, rank).lock().unwrap_or_else(PoisonError::into_inner).cut = cut;
    }

    /// Waits while the engine hangs, then gives access to its state.
    async fn answer(&self) -> MutexGuard<'_, Inner> {
        // The sender lives as long as this engine, so the wait ends only with an answer.
        let _ = self.answers.subscribe().wait_for(|answers| *answers).await;
        self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The failure that a use of this verb must have.
    fn failure(&mut self, verb: Verb) -> Result<(), EngineError> {
        self.reach()?;
        let at = self.failures.iter().position(|(of, _)| *of == verb);
        match at.and_then(|at| self.failures.remove(at)) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    fn reach(&self) -> Result<(), EngineError> {
        self.unreachable.clone().map_or(Ok(()), |why| Err(EngineError::Unreachable(why)))
    }

    fn log(&mut self, job: &JobId, attempt: u32, rank: u32) -> Arc<Mutex<MemoryLog>> {
        Arc::clone(self.logs.entry((name(job, attempt), rank)).or_default())
    }
}

/// The text of a run's handle.
fn name(job: &JobId, attempt: u32) -> String {
    format!("{job}/{attempt}")
}
