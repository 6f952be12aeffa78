//! An engine in memory, for tests of those who use engines.
//!
//! A launch runs from that moment until the test says otherwise or it is stopped; nothing happens by itself and no time
//! passes. Each verb can be made to fail once.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use trainyard_domain::{
    attempt::{Exit, WorkerFact},
    capacity::Capacity,
    id::JobId,
};

use crate::{
    AttemptPaths, BusyGpu, Description, Engine, EngineError, Handle, Killing, Launch, LaunchMount, Limitation, Limits,
    MountFault, Observed, Wakeup,
};

/// A verb that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// [`Engine::capacity`].
    Capacity,
    /// [`Engine::busy_gpus`].
    BusyGpus,
    /// [`Engine::free_ports`].
    FreePorts,
    /// [`Engine::launch`], before anything was begun.
    Launch,
    /// [`Engine::launch`], after it was begun: the caller learns of the run only by launching again.
    LaunchAnswer,
    /// [`Engine::cancel`].
    Cancel,
    /// [`Engine::observe`], for one handle.
    Observe,
    /// [`Engine::stop`].
    Stop,
    /// [`Engine::forget`].
    Forget,
}

/// One [`Engine::stop`] that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Of which run.
    pub handle: Handle,
    /// With which grace.
    pub grace_seconds: u32,
}

/// The engine.
#[derive(Debug)]
pub struct FakeEngine {
    root: PathBuf,
    news: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    capacity: Capacity,
    cannot: Vec<Limitation>,
    busy_gpus: Option<Vec<BusyGpu>>,
    now_ms: i64,
    hold_stops: bool,
    launches: Vec<Launch>,
    stops: Vec<Stop>,
    runs: BTreeMap<String, Observed>,
    /// Stopped before they began.
    cancelled: BTreeSet<String>,
    failures: VecDeque<(Verb, EngineError)>,
}

impl FakeEngine {
    /// An engine with this much to hand out, whose paths lie below `root`; it writes nothing there.
    pub fn new(capacity: Capacity, root: impl Into<PathBuf>) -> Self {
        let inner = Inner { capacity, ..Inner::default() };
        Self { root: root.into(), news: Notify::new(), inner: Mutex::new(inner) }
    }

    /// What was launched so far, each run once, in order.
    pub fn launches(&self) -> Vec<Launch> {
        self.lock().launches.clone()
    }

    /// Every stop that was asked for, in order.
    pub fn stops(&self) -> Vec<Stop> {
        self.lock().stops.clone()
    }

    /// The time from which starts and ends are stamped.
    pub fn at_time(&self, now_ms: i64) {
        self.lock().now_ms = now_ms;
    }

    /// From now on has this much to hand out.
    pub fn with_capacity(&self, capacity: Capacity) {
        self.lock().capacity = capacity;
    }

    /// From now on these accelerators are not clean; `None` where nobody can see that, as it is at the start.
    pub fn busy_gpus_are(&self, busy: Option<Vec<BusyGpu>>) {
        self.lock().busy_gpus = busy;
    }

    /// From now on says that it cannot do this.
    pub fn cannot(&self, limitation: Limitation) {
        self.lock().cannot.push(limitation);
    }

    /// From now on a stop is noted and changes nothing.
    pub fn hold_stops(&self) {
        self.lock().hold_stops = true;
    }

    /// The next use of this verb fails so; several calls queue up.
    pub fn fail_next(&self, verb: Verb, error: EngineError) {
        self.lock().failures.push_back((verb, error));
    }

    /// From now on this is what is observed of that run.
    pub fn now_is(&self, job: &JobId, attempt: u32, observed: Observed) {
        self.lock().runs.insert(name(job, attempt), observed);
        self.news.notify_one();
    }

    /// All workers of a run that still run end now, the given rank as said and the others so that it makes sense: with
    /// status 0 beside a 0, by SIGTERM beside a failure.
    pub fn finish(&self, job: &JobId, attempt: u32, rank: u32, exit: Exit) {
        let mut inner = self.lock();
        let now_ms = inner.now_ms;
        let Some(run) = inner.runs.get_mut(&name(job, attempt)) else { return };
        let others = if exit == Exit::Code(0) { Exit::Code(0) } else { Exit::Signal(15) };
        let first_failure = (exit != Exit::Code(0)).then_some(rank);
        let exits = |of: u32| if of == rank { exit.clone() } else { others.clone() };
        *run = ended(run, now_ms, exits, first_failure, false);
        drop(inner);
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn describe(&self) -> Description {
        Description {
            engine: "fake",
            runtime: "memory".to_owned(),
            isolation: "nothing runs".to_owned(),
            survives_restart: false,
            survives_restart_reason: "it lives in the memory of a test".to_owned(),
            killing: Killing { means: "none", note: "nothing runs".to_owned() },
            limits: Limits { cpu: "none", memory: "none", pids: "none", note: "nothing runs".to_owned() },
            cannot: self.lock().cannot.clone(),
        }
    }

    async fn capacity(&self) -> Result<Capacity, EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::Capacity)?;
        Ok(inner.capacity.clone())
    }

    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::BusyGpus)?;
        Ok(inner.busy_gpus.clone())
    }

    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths {
        crate::local::dirs::paths(&self.root, job, attempt)
    }

    fn base_env(&self) -> Vec<(String, String)> {
        vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())]
    }

    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError> {
        self.lock().failure(Verb::FreePorts)?;
        Ok((20_000..30_000).filter(|port| !taken.contains(port)).take(count).collect())
    }

    async fn check_mounts(&self, mounts: &[LaunchMount]) -> Result<Vec<Result<(), MountFault>>, EngineError> {
        Ok(mounts.iter().map(|_| Ok(())).collect())
    }

    async fn launch(&self, launch: &Launch) -> Result<Handle, EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::Launch)?;
        let name = name(&launch.job, launch.attempt);
        if inner.cancelled.contains(&name) {
            return Err(EngineError::Refused("this attempt was stopped before it began".to_owned()));
        }
        if matches!(inner.runs.get(&name), None | Some(Observed::NotStarted)) {
            let run = begun(launch, inner.now_ms);
            inner.runs.insert(name.clone(), run);
            inner.launches.push(launch.clone());
        }
        inner.failure(Verb::LaunchAnswer)?;
        Ok(Handle(name))
    }

    async fn cancel(&self, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::Cancel)?;
        let name = name(job, attempt);
        let has_begun = inner.runs.get(&name).is_some_and(|run| *run != Observed::NotStarted);
        if has_begun && !inner.cancelled.contains(&name) {
            return Ok(Some(Handle(name)));
        }
        inner.cancelled.insert(name);
        Ok(None)
    }

    async fn observe(&self, handles: &[Handle]) -> Vec<Result<Observed, EngineError>> {
        let mut inner = self.lock();
        handles.iter().map(|handle| inner.observe(handle)).collect()
    }

    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::Stop)?;
        inner.stops.push(Stop { handle: handle.clone(), grace_seconds });
        if inner.hold_stops {
            return Ok(());
        }
        let now_ms = inner.now_ms;
        let Some(run) = inner.runs.get_mut(&handle.0) else { return Ok(()) };
        let began = *run != Observed::NotStarted;
        if began && !matches!(run, Observed::Running { .. }) {
            return Ok(());
        }
        *run = ended(run, now_ms, |_| Exit::Signal(15), None, true);
        if !began {
            inner.cancelled.insert(handle.0.clone());
        }
        drop(inner);
        self.news.notify_one();
        Ok(())
    }

    async fn wakeup(&self) -> Wakeup {
        self.news.notified().await;
        Wakeup::Everywhere
    }

    fn log_path(&self, job: &JobId, attempt: u32, rank: u32) -> PathBuf {
        self.paths(job, attempt).attempt_dir.join(format!("worker-{rank}.log"))
    }

    async fn found(&self) -> Result<Vec<JobId>, EngineError> {
        Ok(self.lock().runs.keys().filter_map(|name| name.rsplit_once('/')?.0.parse().ok()).collect())
    }

    async fn has_trace(&self, job: &JobId, attempt: u32, _handle: Option<&Handle>) -> Result<bool, EngineError> {
        Ok(self.lock().runs.contains_key(&name(job, attempt)))
    }

    async fn abandon(&self, job: &JobId, _grace_seconds: u32) -> Result<usize, EngineError> {
        let (mut inner, prefix) = (self.lock(), format!("{job}/"));
        let before = inner.runs.len();
        inner.runs.retain(|name, _| !name.starts_with(&prefix));
        Ok(before - inner.runs.len())
    }

    async fn listening(&self, _job: &JobId, _attempt: u32, _rank: u32) -> Result<Vec<SocketAddr>, EngineError> {
        Ok(Vec::new())
    }

    async fn forget(&self, job: &JobId) -> Result<(), EngineError> {
        let mut inner = self.lock();
        inner.failure(Verb::Forget)?;
        let prefix = format!("{job}/");
        let runs = |run: (&String, &Observed)| run.0.starts_with(&prefix) && matches!(run.1, Observed::Running { .. });
        if inner.runs.iter().any(runs) {
            return Err(EngineError::Unavailable(format!("{job} still runs; its files go when it has ended")));
        }
        inner.runs.retain(|name, _| !name.starts_with(&prefix));
        inner.cancelled.retain(|name| !name.starts_with(&prefix));
        Ok(())
    }
}

impl Inner {
    fn failure(&mut self, verb: Verb) -> Result<(), EngineError> {
        let at = self.failures.iter().position(|(of, _)| *of == verb);
        match at.and_then(|at| self.failures.remove(at)) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    fn observe(&mut self, handle: &Handle) -> Result<Observed, EngineError> {
        self.failure(Verb::Observe)?;
        let mut run = self.runs.get(&handle.0).cloned();
        if let Some(Observed::Running { started_ms: Some(since), running_ms, .. }) = &mut run {
            *running_ms = self.now_ms - *since;
        }
        Ok(run.unwrap_or_else(|| Observed::Lost {
            message: "the files of this attempt are gone".to_owned(),
            running_ms: 0,
            workers: Vec::new(),
            reboot: false,
        }))
    }
}

fn name(job: &JobId, attempt: u32) -> String {
    format!("{job}/{attempt}")
}

fn begun(launch: &Launch, now_ms: i64) -> Observed {
    let workers = launch.workers.iter().map(|worker| WorkerFact {
        pid: worker.process.then_some(1000 + worker.rank),
        started_ms: worker.process.then_some(now_ms),
        ..WorkerFact::unknown(worker.rank)
    });
    Observed::Running { started_ms: Some(now_ms), running_ms: 0, workers: workers.collect() }
}

fn ended(
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
        worker.ended_ms = Some(now_ms);
    }
    let running_ms = started_ms.map_or(0, |started_ms| now_ms - started_ms);
    Observed::Ended { started_ms, ended_ms: now_ms, running_ms, workers, first_failure, stopped }
}
