//! The verbs of the fake engine.

use std::sync::Arc;

use async_trait::async_trait;
use trainyard_domain::{
    attempt::Exit,
    id::JobId,
    job_spec::{JobSpec, Problem},
    time::Span,
};

use super::{FakeEngine, Inner, Stop, Verb, log::MemorySource, name, run};
use crate::{
    Description, Engine, EngineError, Handle, Killing, Launch, Limits, LocalHost, Observed, Placing, Resources, Wakeup,
    log::LogSource,
};

/// The reason why a launch waits before a test sets another one.
const NOT_STARTED: &str = "the fake cluster has not started it yet";

#[async_trait]
impl Engine for FakeEngine {
    fn describe(&self) -> Description {
        Description {
            engine: "fake",
            runtime: "memory".to_owned(),
            isolation: "nothing runs".to_owned(),
            means: Vec::new(),
            survives_restart: false,
            survives_restart_reason: "it exists in the memory of a test".to_owned(),
            killing: Killing { means: "none", note: "nothing runs".to_owned() },
            limits: Limits { cpu: "none", memory: "none", pids: "none", note: "nothing runs".to_owned() },
            can_mount: true,
            limitations: self.lock().problems.clone(),
        }
    }

    fn placing(&self) -> Placing {
        self.placing
    }

    async fn capacity(&self) -> Result<Resources, EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::Capacity)?;
        Ok(inner.resources.clone())
    }

    fn judge(&self, _spec: &JobSpec) -> Vec<Problem> {
        self.lock().problems.clone()
    }

    async fn launch(&self, launch: &Launch) -> Result<Handle, EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::Launch)?;
        let name = name(&launch.job, launch.attempt);
        if inner.cancelled.contains(&name) {
            return Err(EngineError::Refused("this attempt was stopped before it started".to_owned()));
        }
        if matches!(inner.runs.get(&name), None | Some(Observed::NotStarted)) {
            let run = if inner.starts_at_once {
                run::started(launch, inner.now, &["fake-host"])
            } else {
                Observed::Waiting { reasons: vec![NOT_STARTED.to_owned()], expected_start: None }
            };
            inner.runs.insert(name.clone(), run);
            inner.launches.push(launch.clone());
        }
        inner.failure(Verb::LaunchAnswer)?;
        Ok(Handle(name))
    }

    async fn cancel(&self, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::Cancel)?;
        let name = name(job, attempt);
        let has_started = inner.runs.get(&name).is_some_and(|run| *run != Observed::NotStarted);
        if has_started && !inner.cancelled.contains(&name) {
            return Ok(Some(Handle(name)));
        }
        inner.cancelled.insert(name);
        Ok(None)
    }

    async fn observe(&self, handles: &[Handle]) -> Vec<Result<Observed, EngineError>> {
        let mut inner = self.answer().await;
        handles.iter().map(|handle| inner.observe(handle)).collect()
    }

    async fn stop(&self, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::Stop)?;
        inner.stops.push(Stop { handle: handle.clone(), grace_seconds });
        if inner.hold_stops {
            return Ok(());
        }
        let now = inner.now;
        let Some(run) = inner.runs.get_mut(&handle.0) else { return Ok(()) };
        let has_started = *run != Observed::NotStarted;
        if has_started && !run::is_live(run) {
            return Ok(());
        }
        *run = run::ended(run, now, |_| Exit::Signal(15), None, true);
        if !has_started {
            inner.cancelled.insert(handle.0.clone());
        }
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    async fn wakeup(&self) -> Wakeup {
        self.changed.notified().await;
        Wakeup::Everywhere
    }

    fn logs(&self, job: &JobId, attempt: u32, rank: u32) -> Arc<dyn LogSource> {
        let log = self.lock().log(job, attempt, rank);
        Arc::new(MemorySource { name: format!("{}/{rank}", name(job, attempt)), log })
    }

    async fn forget(&self, job: &JobId) -> Result<(), EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::Forget)?;
        let prefix = format!("{job}/");
        if inner.runs.iter().any(|(name, run)| name.starts_with(&prefix) && run::is_live(run)) {
            return Err(EngineError::Unavailable(format!("{job} still runs; its files go when it has ended")));
        }
        inner.runs.retain(|name, _| !name.starts_with(&prefix));
        inner.cancelled.retain(|name| !name.starts_with(&prefix));
        inner.logs.retain(|(name, _), _| !name.starts_with(&prefix));
        Ok(())
    }

    async fn found(&self) -> Result<Vec<JobId>, EngineError> {
        let inner = self.answer().await;
        inner.reach()?;
        Ok(inner.runs.keys().filter_map(|name| name.rsplit_once('/')?.0.parse().ok()).collect())
    }

    async fn has_trace(&self, job: &JobId, attempt: u32, _handle: Option<&Handle>) -> Result<bool, EngineError> {
        let inner = self.answer().await;
        inner.reach()?;
        Ok(inner.runs.contains_key(&name(job, attempt)))
    }

    async fn abandon(&self, job: &JobId, _grace_seconds: u32) -> Result<usize, EngineError> {
        let (mut inner, prefix) = (self.answer().await, format!("{job}/"));
        inner.reach()?;
        let now = inner.now;
        let live = inner.runs.iter_mut().filter(|(name, run)| name.starts_with(&prefix) && run::is_live(run));
        let ended = live.map(|(_, run)| *run = run::ended(run, now, |_| Exit::Signal(15), None, true));
        Ok(ended.count())
    }

    fn local(&self) -> Option<&dyn LocalHost> {
        (self.placing == Placing::Server).then_some(self as &dyn LocalHost)
    }
}

impl Inner {
    fn observe(&mut self, handle: &Handle) -> Result<Observed, EngineError> {
        self.observed.insert(handle.0.clone());
        self.failure(Verb::Observe)?;
        let mut run = self.runs.get(&handle.0).cloned();
        if let Some(Observed::Running { started: Some(since), running, .. }) = &mut run {
            *running = self.now - *since;
        }
        Ok(run.unwrap_or_else(|| Observed::Lost {
            message: "the files of this attempt are gone".to_owned(),
            running: Span::ZERO,
            workers: Vec::new(),
            reboot: false,
        }))
    }
}
