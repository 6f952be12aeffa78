//! The job calls, and those about a job's workers.

pub(super) mod again;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header::LOCATION},
};
use trainyard_api::{
    Empty, Envelope, Page,
    centre::CentreQuery,
    failures::{ActionFailures, CreateFailures, Fails, ListFailures, ReadFailures},
    job::{JobCreate, JobCreated, JobDetail, JobListQuery, JobRecord, JobStatus},
    paths,
    pod::{Pod, PodBasic},
};
use trainyard_domain::{id::CentreId, workers::worker_names};
use trainyard_store::JobFilter;

use super::{
    extract::{Caller, JsonBody, NoBody, PathParams, RawQuery, idempotency_key},
    show,
};
use crate::{App, app::scope, failure::Failure, jobs};

type Location = [(axum::http::HeaderName, String); 1];

/// Make a job
///
/// From a template with overrides (`createType` `TEMPLATE`), or whole (`CUSTOM`). What could never run is refused here,
/// naming every part. With an `Idempotency-Key` the same call may be repeated for 24 hours and makes one job.
#[utoipa::path(
    post, path = paths::JOB_CREATE, operation_id = "createJob", tag = "jobs", request_body = JobCreate,
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "Any text of 1 to 255 visible characters, new for each job.")),
    responses((status = 200, description = "Made.", body = Envelope<JobCreated>, headers(("Location" = String, description = "The job's detail."))), CreateFailures, Fails<409>)
)]
pub(super) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    query: RawQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<(Location, Json<Envelope<JobCreated>>), Failure> {
    query.none()?;
    let created = jobs::create(&app, &actor, idempotency_key(&headers)?, &body).await?;
    let id = created.id.to_string();
    Ok(([(LOCATION, paths::job_detail(&id))], Json(Envelope::ok(JobCreated { id }))))
}

/// List jobs
///
/// What the key may see, the newest first.
#[utoipa::path(
    get, path = paths::JOB_LIST, operation_id = "listJobs", tag = "jobs", params(JobListQuery),
    responses((status = 200, description = "One page.", body = Envelope<Page<JobRecord>>), ListFailures)
)]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Page<JobRecord>>>, Failure> {
    let mut query = query.read(&["pageNo", "pageSize", "name", "status", "aidcId", "templateId"]);
    let page = query.page();
    let template = query.text("templateId");
    let filter = JobFilter {
        scope: scope(&actor),
        name: query.text("name"),
        status: query.choice("status", &JobStatus::FILTERS).and_then(|word| show::read_status(&word)),
        centre: query.number("aidcId", i64::MIN..=i64::MAX),
        template: template.as_deref().and_then(|id| id.parse().ok()),
    };
    query.finish(())?;
    if template.is_some() && filter.template.is_none() {
        // No template has such an id, so no job was made from it.
        let nothing = trainyard_store::Page { records: Vec::new(), total: 0 };
        return Ok(Json(Envelope::ok(show::page(nothing, page, |job| show::job(&job, &app.zone)))));
    }
    let found = jobs::list(&app, &filter, page).await?;
    Ok(Json(Envelope::ok(show::page(found, page, |job| show::job(&job, &app.zone)))))
}

/// Show a job
///
/// Its state with the reason, all that it waits for, the spec it runs with and where each value came from, and every
/// attempt with its workers.
#[utoipa::path(
    get, path = paths::JOB_DETAIL, operation_id = "showJob", tag = "jobs", params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "The job.", body = Envelope<JobDetail>), ReadFailures)
)]
pub(super) async fn detail(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<JobDetail>>, Failure> {
    query.none()?;
    let (job, attempts, warnings) = jobs::detail(&app, &actor, &id).await?;
    let place = jobs::log_paths(&app, &job);
    Ok(Json(Envelope::ok(show::job_detail(&job, &attempts, warnings, &place, &app.zone)?)))
}

/// Stop a job
///
/// SIGTERM to every process of every worker, SIGKILL after the grace. A job that is ending or has ended stays as it is,
/// so the call may be repeated.
#[utoipa::path(
    post, path = paths::JOB_STOP, operation_id = "stopJob", tag = "jobs", params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "Asked to end.", body = Envelope<Empty>), ActionFailures)
)]
pub(super) async fn stop(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    jobs::stop(&app, &actor, &id).await?;
    Ok(Json(Envelope::ok(Empty {})))
}

/// Delete a job
///
/// Only one that has ended; its logs and its folder go with it.
#[utoipa::path(
    delete, path = paths::JOB_DELETE, operation_id = "deleteJob", tag = "jobs", params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "Deleted.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(super) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    jobs::delete(&app, &actor, &id).await?;
    Ok(Json(Envelope::ok(Empty {})))
}

/// List a job's workers
///
/// Those of its latest attempt, by rank; none before the first.
#[utoipa::path(
    get, path = paths::POD_LIST, operation_id = "listWorkers", tag = "jobs", params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "The workers.", body = Envelope<Vec<Pod>>), ReadFailures)
)]
pub(super) async fn pod_list(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Vec<Pod>>>, Failure> {
    query.none()?;
    let (job, attempt) = jobs::workers(&app, &actor, &id).await?;
    let place = jobs::log_paths(&app, &job);
    let pods = attempt.map(|attempt| show::pods(&attempt, &place, &app.zone)).unwrap_or_default();
    Ok(Json(Envelope::ok(pods)))
}

/// Show where a worker runs
#[utoipa::path(
    get, path = paths::POD_BASIC, operation_id = "showWorker", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job."), ("podName" = String, Path, description = "Name of the worker.")),
    responses((status = 200, description = "The worker.", body = Envelope<PodBasic>), ReadFailures)
)]
pub(super) async fn pod_basic(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams((id, pod_name)): PathParams<(String, String)>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<PodBasic>>, Failure> {
    query.none()?;
    let (job, attempt) = jobs::workers(&app, &actor, &id).await?;
    let missing = || Failure::not_found("worker", &pod_name);
    if !worker_names(&job.id, job.spec.workers).contains(&pod_name) {
        return Err(missing());
    }
    // Before its first attempt a worker is nowhere yet.
    let attempt = attempt.ok_or_else(missing)?;
    let worker = attempt.workers.iter().find(|worker| worker.pod_name == pod_name).ok_or_else(missing)?;
    let centre = app.centres.get(job.centre());
    let name = centre.map_or_else(|| job.centre().to_string(), |centre| centre.config.name.clone());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let created = worker.fact.started_ms.unwrap_or(attempt.placed);
    Ok(Json(Envelope::ok(PodBasic {
        cluster_name: name,
        host_name: host,
        namespace: job.project.clone(),
        host_ip: "127.0.0.1".to_owned(),
        status: show::run_status(worker.status),
        pod_ip: "127.0.0.1".to_owned(),
        restart_count: attempt.number - 1,
        qos_class: "Guaranteed".to_owned(),
        create_by: job.owner.clone(),
        create_time: show::time(created, &app.zone),
        create_time_ms: created,
    })))
}

/// Ask whether jobs can be made for a centre
#[utoipa::path(
    get, path = paths::CHECK_IS_ENABLED, operation_id = "checkIsEnabled", tag = "jobs", params(CentreQuery),
    responses((status = 200, description = "Whether this server has the centre.", body = Envelope<bool>), ListFailures)
)]
pub(super) async fn check_is_enabled(
    State(app): State<App>,
    _caller: Caller,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<bool>>, Failure> {
    let mut query = query.read(&["aidcId"]);
    let wanted = query.number("aidcId", i64::MIN..=i64::MAX);
    query.finish(())?;
    Ok(Json(Envelope::ok(wanted.is_none_or(|id| app.centres.get(CentreId(id)).is_some()))))
}
