//! More of a job: once more after its end, or for another time.

use axum::{Json, extract::State};
use trainyard_api::{
    Empty, Envelope,
    failures::{ActionFailures, ChangeFailures, Fails},
    job::JobTimeout,
    paths,
};

use crate::{
    App,
    failure::Failure,
    http::{
        body_fields::BodyFields,
        extract::{Caller, JsonBody, NoBody, PathParams, RawQuery},
    },
    jobs,
};

/// The longest limit that a job may have, in seconds: 8760 hours.
const LONGEST: u64 = 8760 * 3600;

/// Restart a job
///
/// One that has ended goes back into the queue: its retries and its running time begin anew, its attempts go on being
/// counted, and it finds its work and checkpoint directories as it left them. Refused where its files are gone, and where
/// its centre could never hold it any more.
#[utoipa::path(
    post, path = paths::JOB_RESTART, operation_id = "restartJob", tag = "jobs", params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "In the queue again.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(in crate::http) async fn restart(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    jobs::restart(&app, &actor, &id).await?;
    Ok(Json(Envelope::ok(Empty {})))
}

/// Change a job's time limit
///
/// While it waits or runs, also where it had none; `null` takes the limit away. Its history says who changed it, from what
/// to what. A limit that the job has passed already is refused: stop it instead.
#[utoipa::path(
    put, path = paths::JOB_TIMEOUT, operation_id = "setJobTimeout", tag = "jobs", request_body = JobTimeout,
    params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "Changed.", body = Envelope<Empty>), ChangeFailures, Fails<409>)
)]
pub(in crate::http) async fn set_timeout(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    JsonBody(body): JsonBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    let mut fields = BodyFields::of(&body, &["timeoutSeconds"])?;
    let seconds = fields.number_or_null("timeoutSeconds", 1..=LONGEST);
    let seconds = fields.finish(seconds)?;
    jobs::set_timeout(&app, &actor, &id, seconds).await?;
    Ok(Json(Envelope::ok(Empty {})))
}
