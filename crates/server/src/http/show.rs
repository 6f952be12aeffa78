//! Converts domain values to wire values: times, pages, jobs, attempts, workers, events. Templates have a
//! file of their own.

mod template;

pub(super) use template::{Object, changes, template, usage, version, version_detail};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use trainyard_api::{
    event::Event as WireEvent,
    job::{Attempt as WireAttempt, JobDetail, JobRecord, JobResource, JobStatus, WaitingReason},
    page::Page as WirePage,
    pod::{Pod, RunStatus},
    spec::{Notice, SpecFields},
};
use trainyard_domain::{
    attempt::{Exit, Outcome, exit_signal, judge},
    document::Document,
    fault::Fault,
    job::{Attempt, AttemptWorker, Job, JobState, Status},
    reason::Reason,
    time::WallTime,
};
use trainyard_store::{JobEvent, Page, PageRequest};

use crate::failure::Failure;

/// Formats a time as `yyyy-MM-dd HH:mm:ss` in a time zone.
pub(super) fn time(at: WallTime, zone: &TimeZone) -> String {
    let moment = Timestamp::from_millisecond(at.as_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Parses `yyyy-MM-dd HH:mm:ss` in a time zone.
pub(super) fn read_time(text: &str, zone: &TimeZone) -> Option<WallTime> {
    let civil = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let time = civil.to_zoned_datetime(zone.clone()).ok()?.timestamp();
    Some(WallTime::from_ms(time.as_millisecond()))
}

/// A page with its records in wire form.
pub(super) fn page<T, W>(page: Page<T>, request: PageRequest, show: impl FnMut(T) -> W) -> WirePage<W> {
    WirePage {
        records: page.records.into_iter().map(show).collect(),
        page_no: request.number,
        page_size: request.size,
        total_rows: page.total,
    }
}

/// A spec with the published field names.
pub(super) fn spec(document: &Document) -> Result<SpecFields, Failure> {
    serde_json::from_value(Value::Object(document.clone()))
        .map_err(|error| Failure::Internal(format!("a stored spec does not have the published fields: {error}")))
}

/// Faults and warnings about a spec.
pub(super) fn notices(faults: Vec<Fault>) -> Vec<Notice> {
    let notice =
        |fault: Fault| Notice { code: fault.code.as_str().to_owned(), path: fault.path, message: fault.message };
    faults.into_iter().map(notice).collect()
}

/// A job's status on the wire, where `Queued` is called `NotStarted`.
pub(super) fn job_status(status: Status) -> JobStatus {
    match status {
        Status::Queued | Status::Pending => JobStatus::NotStarted,
        Status::Starting => JobStatus::Starting,
        Status::Running => JobStatus::Running,
        Status::Retrying => JobStatus::Retrying,
        Status::Stopping => JobStatus::Stopping,
        Status::Stopped => JobStatus::Stopped,
        Status::Succeeded => JobStatus::Succeeded,
        Status::Failed => JobStatus::Failed,
    }
}

/// The status of an attempt or worker, which is never in the queue.
pub(super) fn run_status(status: Status) -> RunStatus {
    match status {
        Status::Queued | Status::Pending | Status::Retrying | Status::Starting => RunStatus::Starting,
        Status::Running => RunStatus::Running,
        Status::Stopping => RunStatus::Stopping,
        Status::Stopped => RunStatus::Stopped,
        Status::Succeeded => RunStatus::Succeeded,
        Status::Failed => RunStatus::Failed,
    }
}

/// Reads a status of a filter: a word of the wire, or `Queued`.
pub(super) fn read_status(word: &str) -> Option<Status> {
    if word == JobStatus::NotStarted.as_str() { Some(Status::Queued) } else { Status::parse(word) }
}

/// The record of a job in lists.
pub(super) fn job(job: &Job, zone: &TimeZone) -> JobRecord {
    JobRecord {
        id: job.id.to_string(),
        name: job.name.clone(),
        aidc_id: job.spec.centre.0,
        status: job_status(job.status()),
        reason: job.reason.as_str().to_owned(),
        message: job.message.clone(),
        resource: JobResource {
            worker_count: job.spec.workers,
            gpu_count: job.spec.size.gpus,
            gpu_name: job.spec.size.gpu_model.clone().unwrap_or_else(|| "-".to_owned()),
        },
        priority: i64::from(job.spec.priority),
        project: job.project.clone(),
        create_by: job.owner.clone(),
        template_id: job.template.as_ref().map(|(id, _)| id.to_string()),
        template_version: job.template.as_ref().map(|(_, version)| u64::from(*version)),
        created_time: time(job.created, zone),
        created_time_ms: job.created.as_ms(),
        start_time: job.started.map(|at| time(at, zone)),
        start_time_ms: job.started.map(WallTime::as_ms),
        end_time: job.ended.map(|at| time(at, zone)),
        end_time_ms: job.ended.map(WallTime::as_ms),
    }
}

/// The detail of a job.
pub(super) fn job_detail(
    of: &Job,
    attempts: &[Attempt],
    warnings: Vec<Fault>,
    log_path: &dyn Fn(u32, u32) -> Option<String>,
    zone: &TimeZone,
) -> Result<JobDetail, Failure> {
    let (waiting, expected_start) = match &of.state {
        JobState::Queued { waiting } => (waiting.as_slice(), None),
        JobState::Pending { waiting, expected_start } => (waiting.as_slice(), *expected_start),
        _ => (&[][..], None),
    };
    let next_attempt = match of.state {
        JobState::Retrying { until, .. } => Some(until),
        _ => None,
    };
    Ok(JobDetail {
        record: job(of, zone),
        expected_start_time: expected_start.map(|at| time(at, zone)),
        expected_start_time_ms: expected_start.map(WallTime::as_ms),
        next_attempt_time: next_attempt.map(|at| time(at, zone)),
        next_attempt_time_ms: next_attempt.map(WallTime::as_ms),
        waiting_for: waiting
            .iter()
            .map(|reason| WaitingReason { code: reason.code.as_str().to_owned(), message: reason.message.clone() })
            .collect(),
        spec: spec(&of.document)?,
        provenance: of.provenance.clone(),
        warnings: notices(warnings),
        attempts: attempts.iter().map(|attempt| self::attempt(attempt, log_path, zone)).collect(),
    })
}

fn attempt(of: &Attempt, log_path: &dyn Fn(u32, u32) -> Option<String>, zone: &TimeZone) -> WireAttempt {
    let started = of.started.unwrap_or(of.placed);
    WireAttempt {
        number: of.number,
        status: run_status(of.status),
        reason: of.reason.as_str().to_owned(),
        message: of.message.clone(),
        start_time: Some(time(started, zone)),
        start_time_ms: Some(started.as_ms()),
        end_time: of.ended.map(|at| time(at, zone)),
        end_time_ms: of.ended.map(WallTime::as_ms),
        workers: pods(of, log_path, zone),
    }
}

/// The workers of an attempt, by rank.
pub(super) fn pods(of: &Attempt, log_path: &dyn Fn(u32, u32) -> Option<String>, zone: &TimeZone) -> Vec<Pod> {
    let show = |worker: &AttemptWorker| Pod {
        pod_name: worker.pod_name.clone(),
        rank: worker.fact.rank,
        attempt: of.number,
        status: run_status(worker.status),
        exit_code: match worker.fact.exit {
            Some(Exit::Code(code)) => Some(code),
            _ => None,
        },
        signal: worker.fact.exit.as_ref().and_then(exit_signal),
        reason: reason(worker),
        pid: worker.fact.pid,
        start_time: worker.fact.started_ms.map(|at| time(at, zone)),
        start_time_ms: worker.fact.started_ms.map(WallTime::as_ms),
        end_time: worker.fact.ended_ms.map(|at| time(at, zone)),
        end_time_ms: worker.fact.ended_ms.map(WallTime::as_ms),
        log_path: log_path(of.number, worker.fact.rank),
    };
    of.workers.iter().map(show).collect()
}

/// Why a worker ended, as the word of a job's reason.
fn reason(worker: &AttemptWorker) -> Option<String> {
    let exit = worker.fact.exit.as_ref()?;
    let was_stopped = worker.status == Status::Stopped && !worker.fact.oom_killed && *exit != Exit::Code(0);
    let word = match judge(std::slice::from_ref(&worker.fact), None) {
        _ if was_stopped => "Stopped",
        Outcome::Succeeded => Reason::Completed.as_str(),
        Outcome::Failed(failure) | Outcome::CannotStart(failure) => failure.reason.as_str(),
    };
    Some(word.to_owned())
}

/// An event of a job.
pub(super) fn event(of: &JobEvent, zone: &TimeZone) -> WireEvent {
    // A kind that is not a status keeps its word.
    let kind = Status::parse(&of.note.kind).map_or(of.note.kind.as_str(), |status| job_status(status).as_str());
    WireEvent {
        sequence: u64::try_from(of.sequence).unwrap_or_default(),
        time: time(of.time, zone),
        time_ms: of.time.as_ms(),
        kind: kind.to_owned(),
        reason: of.note.reason.as_str().to_owned(),
        message: of.note.message.clone(),
        actor: of.note.actor.clone(),
    }
}
