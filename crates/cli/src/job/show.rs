//! Jobs as text for users.

use trainyard_api::{
    Page,
    job::{JobDetail, JobRecord},
    pod::Pod,
};

use crate::{options, table, times};

/// The table of a page of jobs.
pub(super) fn list(page: &Page<JobRecord>) -> String {
    let rows = page.records.iter().map(|job| {
        vec![
            job.id.clone(),
            job.name.clone(),
            status(job),
            size(job),
            job.create_by.clone(),
            times::local(Some(job.created_time_ms)),
            times::took(job.start_time_ms, job.end_time_ms),
        ]
    });
    let text = table::rows(&["id", "name", "status", "workers", "by", "created", "took"], rows);
    options::with_rest(text, page)
}

/// One job with its reasons for waiting, workers, log files and warnings.
pub(super) fn detail(detail: &JobDetail) -> String {
    let mut parts = vec![head(detail)];
    if !detail.waiting_for.is_empty() {
        let reasons = detail.waiting_for.iter().map(|reason| format!("\n  {}", table::safe(&reason.message)));
        parts.push(format!("waiting for:{}", reasons.collect::<String>()));
    }
    if !detail.attempts.is_empty() {
        parts.push(workers(detail));
        parts.push(logs(detail));
    }
    parts.retain(|part| part != "logs:");
    parts.extend(detail.warnings.iter().map(|warning| format!("warning: {}", table::safe(&warning.message))));
    parts.join("\n\n")
}

fn head(detail: &JobDetail) -> String {
    let job = &detail.record;
    // The message of a waiting job joins its reasons, which are listed below.
    let message = if detail.waiting_for.is_empty() { job.message.clone() } else { String::new() };
    let template = match (&job.template_id, job.template_version) {
        (Some(id), Some(version)) => format!("{id} v{version}"),
        (Some(id), None) => id.clone(),
        (None, _) => String::new(),
    };
    table::fields(&[
        ("id", job.id.clone()),
        ("name", job.name.clone()),
        ("status", status(job)),
        ("", message),
        ("centre", job.aidc_id.to_string()),
        ("workers", size(job)),
        ("priority", job.priority.to_string()),
        ("time limit", time_limit(detail)),
        ("template", template),
        ("created", format!("{} by {} in {}", times::local(Some(job.created_time_ms)), job.create_by, job.project)),
        ("expected start", times::local(detail.expected_start_time_ms)),
        ("next attempt", times::local(detail.next_attempt_time_ms)),
        ("started", times::local(job.start_time_ms)),
        ("ended", times::local(job.end_time_ms)),
        ("took", times::took(job.start_time_ms, job.end_time_ms)),
    ])
}

/// The status and its reason: `Failed WorkerFailed`.
fn status(job: &JobRecord) -> String {
    [job.status.as_str(), &job.reason].join(" ").trim_end().to_owned()
}

/// The time limit, and the user of the last change if it was changed after the creation.
fn time_limit(detail: &JobDetail) -> String {
    let spec = &detail.spec;
    let seconds = spec.timeout_seconds.or_else(|| spec.timeout_hours.map(|hours| hours.saturating_mul(3600)));
    let changed = detail.provenance.get("timeoutSeconds").filter(|source| source.starts_with("set by "));
    match (spec.enable_timeout_cancel, seconds, changed) {
        (Some(true), Some(seconds), Some(source)) => format!("{}, {source}", times::span(seconds)),
        (Some(true), Some(seconds), None) => times::span(seconds),
        _ => String::new(),
    }
}

fn size(job: &JobRecord) -> String {
    match (job.resource.worker_count, job.resource.gpu_count, job.resource.gpu_name.as_str()) {
        (workers, 0, _) => workers.to_string(),
        (workers, gpus, "-" | "") => format!("{workers} x {gpus} GPU"),
        (workers, gpus, model) => format!("{workers} x {gpus} {model}"),
    }
}

fn workers(detail: &JobDetail) -> String {
    let rows = detail.attempts.iter().flat_map(|attempt| &attempt.workers).map(|worker| {
        vec![
            worker.attempt.to_string(),
            worker.rank.to_string(),
            worker.pod_name.clone(),
            worker.status.as_str().to_owned(),
            end(worker),
            times::local(worker.start_time_ms),
            times::took(worker.start_time_ms, worker.end_time_ms),
        ]
    });
    table::rows(&["attempt", "rank", "worker", "status", "exit", "started", "took"], rows)
}

/// The paths of the log files, one on each line, so that each can be copied.
pub(crate) fn logs(detail: &JobDetail) -> String {
    let workers = detail.attempts.iter().flat_map(|attempt| &attempt.workers);
    let lines = workers.filter_map(|worker| Some(format!("\n  {}", table::safe(worker.log_path.as_deref()?))));
    format!("logs:{}", lines.collect::<String>())
}

fn end(worker: &Pod) -> String {
    match (worker.exit_code, worker.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), None) => code.to_string(),
        (None, None) => String::new(),
    }
}
