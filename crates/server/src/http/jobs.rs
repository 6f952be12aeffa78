//! The calls about jobs. Those about a job's workers, events and logs have files of their own.

use axum::http::HeaderMap;
use trainyard_api::{
    Empty, Envelope, Page,
    centre::CentreQuery,
    failures::{ActionFailures, ChangeFailures, CreateFailures, Fails, ListFailures, ReadFailures},
    job::{JobCreate, JobCreated, JobDetail, JobListQuery, JobRecord, JobStatus, JobTimeout},
    paths,
};
use trainyard_domain::{id::CentreId, job_spec::TIMEOUT_SECONDS_BOUNDS};
use trainyard_store::JobFilter;

use super::{
    answer::{Answer, created, done, ok},
    body_fields::BodyFields,
    extract::{Call, JsonBody, NoBody, NoQuery, QueryParams, idempotency_key},
    path::JobPath,
    show,
};
use crate::{app::scope, jobs};

/// Create a job
///
/// From a template with overrides (`createType` `TEMPLATE`), or from a whole spec (`CUSTOM`). A job that can never run
/// is refused, with every reason. With an `Idempotency-Key`, the call can be repeated for 24 hours and creates one job.
#[utoipa::path(
    post, path = paths::JOB_CREATE, operation_id = "createJob", tag = "jobs", request_body = JobCreate,
    params(("Idempotency-Key" = Option<String>, Header, nullable = false, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "Any text of 1 to 255 visible characters, different for each job.")),
    responses((status = 200, description = "The job was created.", body = Envelope<JobCreated>, headers(("Location" = String, description = "The path of the job's detail."))), CreateFailures, Fails<409>)
)]
pub(crate) async fn create(
    Call { app, actor, .. }: Call,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Answer<JobCreated> {
    let job = jobs::create(&app, &actor, idempotency_key(&headers)?, &body).await?;
    let id = job.id.to_string();
    created(paths::job_detail(&id), JobCreated { id, warnings: show::notices(job.warnings) })
}

/// List jobs
///
/// The jobs that the key may see, the newest first.
#[utoipa::path(
    get, path = paths::JOB_LIST, operation_id = "listJobs", tag = "jobs", params(JobListQuery),
    responses((status = 200, description = "One page of jobs.", body = Envelope<Page<JobRecord>>), ListFailures)
)]
pub(crate) async fn list(Call { app, actor, .. }: Call, query: QueryParams, _: NoBody) -> Answer<Page<JobRecord>> {
    let mut query = query.read(&["pageNo", "pageSize", "name", "status", "aidcId", "templateId"]);
    let page = query.page();
    let template = query.text("templateId");
    let filter = JobFilter {
        scope: scope(&actor),
        name: query.text("name"),
        status: query.choice("status", &JobStatus::FILTERS).and_then(|word| show::read_status(&word)),
        centre: query.centre(),
        template: template.as_deref().and_then(|id| id.parse().ok()),
    };
    query.finish(())?;
    let found = if template.is_some() && filter.template.is_none() {
        // No template has such an id, so no job was created from it.
        trainyard_store::Page { records: Vec::new(), total: 0 }
    } else {
        jobs::list(&app, &filter, page).await?
    };
    ok(show::page(found, page, |job| show::job(&job, &app.zone)))
}

/// Show a job
///
/// The state of the job with its reason, everything that the job waits for, its spec with the source of each value, and
/// every attempt with its workers.
#[utoipa::path(
    get, path = paths::JOB_DETAIL, operation_id = "showJob", tag = "jobs", params(JobPath),
    responses((status = 200, description = "The job.", body = Envelope<JobDetail>), ReadFailures)
)]
pub(crate) async fn detail(Call { app, actor, path }: Call<JobPath>, _: NoQuery, _: NoBody) -> Answer<JobDetail> {
    let (job, attempts, warnings) = jobs::detail(&app, &actor, &path.id).await?;
    let log_path = jobs::log_paths(&app, &job);
    ok(show::job_detail(&job, &attempts, warnings, &log_path, &app.zone)?)
}

/// Stop a job
///
/// Every process of every worker gets SIGTERM, and SIGKILL after the grace. A job that has ended or is being stopped
/// does not change, so the call can be repeated.
#[utoipa::path(
    post, path = paths::JOB_STOP, operation_id = "stopJob", tag = "jobs", params(JobPath),
    responses((status = 200, description = "The job is being stopped, or has ended.", body = Envelope<Empty>), ActionFailures)
)]
pub(crate) async fn stop(Call { app, actor, path }: Call<JobPath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    jobs::stop(&app, &actor, &path.id).await?;
    done()
}

/// Restart a job
///
/// A job that has ended goes back into the queue. Its retries and its running time start at zero, its attempts continue
/// to be counted, and its work and checkpoint directories are unchanged. Refused if the job's files were deleted, or if
/// its centre can no longer run the job.
#[utoipa::path(
    post, path = paths::JOB_RESTART, operation_id = "restartJob", tag = "jobs", params(JobPath),
    responses((status = 200, description = "The job is in the queue again.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(crate) async fn restart(Call { app, actor, path }: Call<JobPath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    jobs::restart(&app, &actor, &path.id).await?;
    done()
}

/// Change a job's time limit
///
/// Sets, changes or removes (`null`) the limit of the running time while the job waits or runs. The job's events record
/// the actor and both values. A limit that the job has passed already is refused; stop the job instead.
#[utoipa::path(
    put, path = paths::JOB_TIMEOUT, operation_id = "setJobTimeout", tag = "jobs", request_body = JobTimeout,
    params(JobPath),
    responses((status = 200, description = "The time limit was changed.", body = Envelope<Empty>), ChangeFailures, Fails<409>)
)]
pub(crate) async fn set_timeout(
    Call { app, actor, path }: Call<JobPath>,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<Empty> {
    let mut fields = BodyFields::of(&body, &["timeoutSeconds"])?;
    let seconds = fields.number_or_null("timeoutSeconds", TIMEOUT_SECONDS_BOUNDS);
    let seconds = fields.finish(seconds)?;
    jobs::set_timeout(&app, &actor, &path.id, seconds).await?;
    done()
}

/// Delete a job
///
/// The job must have ended. Its logs and its folder are deleted too.
#[utoipa::path(
    delete, path = paths::JOB_DELETE, operation_id = "deleteJob", tag = "jobs", params(JobPath),
    responses((status = 200, description = "The job was deleted.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(crate) async fn delete(Call { app, actor, path }: Call<JobPath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    jobs::delete(&app, &actor, &path.id).await?;
    done()
}

/// Check whether jobs can be created for a centre
#[utoipa::path(
    get, path = paths::CHECK_IS_ENABLED, operation_id = "checkIsEnabled", tag = "jobs", params(CentreQuery),
    responses((status = 200, description = "Whether this server has the centre.", body = Envelope<bool>), ListFailures)
)]
pub(crate) async fn check_is_enabled(Call { app, .. }: Call, query: QueryParams, _: NoBody) -> Answer<bool> {
    let centre = query.only_centre()?;
    ok(centre.is_none_or(|id| app.centres.get(CentreId(id)).is_some()))
}
