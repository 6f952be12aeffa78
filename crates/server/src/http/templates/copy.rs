//! The calls that make templates of what is there, and those that put them away.

use axum::{Json, extract::State};
use trainyard_api::{
    Empty, Envelope,
    failures::{ActionFailures, ChangeFailures, Fails},
    paths,
    template::copy::{SaveAsTemplate, TemplateCopy},
};
use trainyard_domain::id::TemplateId;

use super::{Location, at_template};
use crate::{
    App,
    failure::Failure,
    http::{
        body_fields::BodyFields,
        extract::{Caller, JsonBody, NoBody, PathParams, RawQuery},
    },
    jobs,
    templates::{self, NewName},
};

type Made = Result<(Location, Json<Envelope<Empty>>), Failure>;

/// Copy a template
///
/// The copy is the caller's own, in the caller's project, with one version. It keeps description and labels.
#[utoipa::path(
    post, path = paths::TEMPLATE_COPY, operation_id = "copyTemplate", tag = "templates", request_body = TemplateCopy,
    params(("id" = String, Path, description = "Id of the template.")),
    responses((status = 200, description = "Copied.", body = Envelope<Empty>, headers(("Location" = String, description = "The copy's detail."))), ChangeFailures, Fails<409>)
)]
pub(in crate::http) async fn copy(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    JsonBody(body): JsonBody,
) -> Made {
    query.none()?;
    let mut fields = BodyFields::of(&body, &["name", "version", "visibility"])?;
    let (name, version, visibility) = (fields.name(), fields.count("version"), fields.visibility());
    let Some(name) = name else { return Err(fields.into_failure()) };
    let new = fields.finish(NewName { name, visibility })?;
    Ok(made(&templates::copy(&app, &actor, &id, version, new).await?))
}

/// Save a job as a template
///
/// What the job was asked to be; what defaults and products filled in is left to them again.
#[utoipa::path(
    post, path = paths::JOB_SAVE, operation_id = "saveJobAsTemplate", tag = "jobs", request_body = SaveAsTemplate,
    params(("id" = String, Path, description = "Id of the job.")),
    responses((status = 200, description = "Saved.", body = Envelope<Empty>, headers(("Location" = String, description = "The template's detail."))), ChangeFailures, Fails<409>)
)]
pub(in crate::http) async fn save_job(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    JsonBody(body): JsonBody,
) -> Made {
    query.none()?;
    let mut fields = BodyFields::of(&body, &["name", "visibility"])?;
    let (name, visibility) = (fields.name(), fields.visibility());
    let Some(name) = name else { return Err(fields.into_failure()) };
    let new = fields.finish(NewName { name, visibility })?;
    Ok(made(&jobs::save_as_template(&app, &actor, &id, new).await?))
}

fn made(id: &TemplateId) -> (Location, Json<Envelope<Empty>>) {
    (at_template(id), Json(Envelope::ok(Empty {})))
}

/// Archive a template
///
/// Lists show it only when they are asked for archived ones, and names no longer find it; by its id it can be read and
/// used as before. One that is archived stays so.
#[utoipa::path(
    post, path = paths::TEMPLATE_ARCHIVE, operation_id = "archiveTemplate", tag = "templates", params(("id" = String, Path, description = "Id of the template.")),
    responses((status = 200, description = "Archived.", body = Envelope<Empty>), ActionFailures)
)]
pub(in crate::http) async fn archive(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    templates::set_archived(&app, &actor, &id, true).await?;
    Ok(Json(Envelope::ok(Empty {})))
}

/// Take a template out of the archive
#[utoipa::path(
    post, path = paths::TEMPLATE_UNARCHIVE, operation_id = "unarchiveTemplate", tag = "templates", params(("id" = String, Path, description = "Id of the template.")),
    responses((status = 200, description = "Shown again.", body = Envelope<Empty>), ActionFailures)
)]
pub(in crate::http) async fn unarchive(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    templates::set_archived(&app, &actor, &id, false).await?;
    Ok(Json(Envelope::ok(Empty {})))
}
