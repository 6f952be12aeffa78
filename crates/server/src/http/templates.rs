//! The template calls.

pub(super) mod copy;
pub(super) mod import_export;
pub(super) mod list;
pub(super) mod preview;
pub(super) mod versions;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header::LOCATION},
};
use serde_json::{Map, Value};
use trainyard_api::{
    Empty, Envelope,
    failures::{ActionFailures, CreateFailures, Fails, ReadFailures, UpdateFailures},
    paths,
    template::{TemplateDetail, TemplateSave, TemplateUpdated},
};
use trainyard_domain::id::TemplateId;

use super::{
    extract::{Caller, JsonBody, NoBody, PathParams, RawQuery, if_match},
    show,
};
use crate::{App, failure::Failure, templates};

type Location = [(axum::http::HeaderName, String); 1];

/// Where a template that was made can be read.
fn at_template(id: &TemplateId) -> Location {
    [(LOCATION, paths::template_detail(id.as_str()))]
}

/// Save a template
///
/// Only `name` is required: a template may be partial and says in its detail what it still lacks. Repeating a call with
/// the same name and equal content answers as the first did and makes nothing new. The new id is in `Location`.
#[utoipa::path(
    post, path = paths::TEMPLATE_CREATE, operation_id = "createTemplate", tag = "templates", request_body = TemplateSave,
    responses((status = 200, description = "Saved.", body = Envelope<Empty>, headers(("Location" = String, description = "The template's detail."))), CreateFailures, Fails<409>)
)]
pub(super) async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    query: RawQuery,
    JsonBody(body): JsonBody,
) -> Result<(Location, Json<Envelope<Empty>>), Failure> {
    query.none()?;
    let id = templates::create(&app, &actor, &body).await?;
    Ok((at_template(&id), Json(Envelope::ok(Empty {}))))
}

/// Show a template
///
/// One template, whether a job could be made from it as it is, and what it lacks for that.
#[utoipa::path(
    get, path = paths::TEMPLATE_DETAIL, operation_id = "showTemplate", tag = "templates", params(("id" = String, Path, description = "Id of the template.")),
    responses((status = 200, description = "The template.", body = Envelope<TemplateDetail>), ReadFailures)
)]
pub(super) async fn detail(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Map<String, Value>>>, Failure> {
    query.none()?;
    let found = templates::detail(&app, &actor, &id).await?;
    let mut record = show::template(&found.template, &app.zone);
    record.insert("runnable".to_owned(), Value::from(found.runnable));
    let warnings = serde_json::to_value(show::notices(found.warnings)).unwrap_or_default();
    record.insert("warnings".to_owned(), warnings);
    let usage = serde_json::to_value(show::usage(&found.usage, &app.zone)).unwrap_or_default();
    record.insert("usage".to_owned(), usage);
    Ok(Json(Envelope::ok(record)))
}

/// Replace a template's content
///
/// Takes the whole new content: published fields that are left out are unset, `labels`, `visibility` and the other
/// fields of ours keep their value. `If-Match` carries the revision that was read. Equal content changes nothing.
#[utoipa::path(
    put, path = paths::TEMPLATE_UPDATE, operation_id = "updateTemplate", tag = "templates", request_body = TemplateSave,
    params(("id" = String, Path, description = "Id of the template."), ("If-Match" = String, Header, pattern = r#"^("0*[1-9][0-9]{0,17}"|0*[1-9][0-9]{0,17})$"#, description = "The revision that was read, quoted.", example = "\"1\"")),
    responses((status = 200, description = "Replaced.", body = Envelope<TemplateUpdated>), UpdateFailures)
)]
pub(super) async fn update(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Json<Envelope<TemplateUpdated>>, Failure> {
    query.none()?;
    let template = templates::update(&app, &actor, &id, if_match(&headers)?, &body).await?;
    let revision = u64::try_from(template.revision).unwrap_or_default();
    Ok(Json(Envelope::ok(TemplateUpdated { version: u64::from(template.version), revision })))
}

/// Delete a template
///
/// Jobs made from it are not touched; its name is free again.
#[utoipa::path(
    delete, path = paths::TEMPLATE_DELETE, operation_id = "deleteTemplate", tag = "templates", params(("id" = String, Path, description = "Id of the template.")),
    responses((status = 200, description = "Deleted.", body = Envelope<Empty>), ActionFailures)
)]
pub(super) async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    templates::delete(&app, &actor, &id).await?;
    Ok(Json(Envelope::ok(Empty {})))
}
