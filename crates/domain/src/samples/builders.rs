//! Small values for the tests of this crate: times, ids, centres, specs, jobs and workers.

use serde_json::{Map, Value};

use crate::{
    attempt::{Exit, WorkerFact},
    capacity::{Capacity, GB, Gpu, WorkerSize},
    document::Document,
    fault::Fault,
    id::{CentreId, JobId, TemplateId},
    job::{Job, JobState, RetryCounts},
    job_spec::{Centre, JobSpec, Judge},
    merge::Source,
    reason::Reason,
    time::{Span, WallTime},
};

/// The members of a JSON object.
pub(crate) fn object(value: Value) -> Document {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// `path code`, one line for each fault.
pub(crate) fn lines(faults: &[Fault]) -> Vec<String> {
    let line = |fault: &Fault| format!("{} {}", fault.path, fault.code.as_str());
    faults.iter().map(line).collect()
}

/// A point of the wall clock.
pub(crate) const fn at(ms: i64) -> WallTime {
    WallTime::from_ms(ms)
}

/// A length of time.
pub(crate) const fn span(ms: i64) -> Span {
    Span::from_ms(ms)
}

/// The job of this number.
pub(crate) fn job_id(number: u8) -> JobId {
    JobId::from_random([number; 10])
}

/// A template's version as a source.
pub(crate) fn template_source() -> Source {
    Source::Template(TemplateId::from_random([7; 10]), 3)
}

/// A centre with these cores, GB and accelerators.
pub(crate) fn centre(cores: u64, memory_gb: u64, models: &[&str]) -> Centre {
    Centre {
        id: CentreId(1),
        capacity: capacity(cores, memory_gb, models),
        products: Vec::new(),
        aliases: Vec::new(),
        is_allocated_here: true,
        judge: Judge::default(),
        can_mount: true,
        storages: Vec::new(),
        data_dir: None,
        ports: None,
    }
}

/// A capacity of these cores, GB and accelerators.
pub(crate) fn capacity(cores: u64, memory_gb: u64, models: &[&str]) -> Capacity {
    let gpu = |(index, model): (u32, &&str)| Gpu { index, model: (*model).to_owned() };
    Capacity { cpu_milli: cores * 1000, memory_bytes: memory_gb * GB, gpus: (0..).zip(models).map(gpu).collect() }
}

/// One core, one GB, and this many accelerators of any model.
pub(crate) fn worker_size(gpus: u32) -> WorkerSize {
    WorkerSize { cpu_milli: 1000, memory_bytes: GB, gpus, gpu_model: None }
}

/// The spec of a job of this many small workers, without optional fields.
pub(crate) fn spec(workers: u32) -> JobSpec {
    JobSpec {
        centre: CentreId(1),
        framework: None,
        image: None,
        env: Vec::new(),
        secrets: Vec::new(),
        size: worker_size(0),
        workers,
        mounts: Vec::new(),
        retry: None,
        timeout_seconds: None,
        stop_grace_seconds: 30,
        command: "python train.py".to_owned(),
        work_dir: None,
        priority: 2,
    }
}

/// A job that was just created.
pub(crate) fn queued(spec: JobSpec) -> Job {
    Job {
        id: job_id(1),
        name: "digits".to_owned(),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        template: None,
        document: Map::new(),
        provenance: std::collections::BTreeMap::new(),
        spec,
        created: at(1_000),
        queued: at(1_000),
        started: None,
        ended: None,
        state: JobState::Queued { waiting: Vec::new() },
        reason: Reason::Submitted,
        message: String::new(),
        retries: RetryCounts::default(),
        ran: Span::ZERO,
        attempt: None,
    }
}

/// A worker that ran from 0 to `ended_ms`.
pub(crate) fn exited(rank: u32, exit: Exit, ended_ms: i64) -> WorkerFact {
    WorkerFact {
        pid: Some(100 + rank),
        started_ms: Some(at(0)),
        ended_ms: Some(at(ended_ms)),
        exit: Some(exit),
        ..WorkerFact::unknown(rank)
    }
}

/// A worker that runs since `started_ms`, or is being started.
pub(crate) fn living(rank: u32, started_ms: Option<i64>) -> WorkerFact {
    WorkerFact { pid: started_ms.map(|_| 100 + rank), started_ms: started_ms.map(at), ..WorkerFact::unknown(rank) }
}
