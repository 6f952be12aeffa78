//! The calls about templates. Lists, versions, copies, import, export and the preview have files of their own.

pub(super) mod copy;
pub(super) mod import_export;
pub(super) mod list;
pub(super) mod preview;
pub(super) mod versions;

use axum::http::HeaderMap;
use serde_json::Value;
use trainyard_api::{
    Empty, Envelope,
    failures::{ActionFailures, CreateFailures, Fails, ReadFailures, UpdateFailures},
    paths,
    template::{TemplateDetail, TemplateSave, TemplateUpdated},
};

use super::{
    answer::{Answer, created, done, ok},
    extract::{Call, JsonBody, NoBody, NoQuery, if_match},
    path::TemplatePath,
    show::{self, Object},
};
use crate::templates;

/// Create a template
///
/// Only `name` is required: a template may be partial, and its detail lists what it lacks to be runnable. A repeated
/// call with the same name and equal content has the same response and creates nothing new. `Location` has the new id.
#[utoipa::path(
    post, path = paths::TEMPLATE_CREATE, operation_id = "createTemplate", tag = "templates", request_body = TemplateSave,
    responses((status = 200, description = "The template was created, or existed with equal content.", body = Envelope<Empty>, headers(("Location" = String, description = "The path of the template's detail."))), CreateFailures, Fails<409>)
)]
pub(crate) async fn create(Call { app, actor, .. }: Call, _: NoQuery, JsonBody(body): JsonBody) -> Answer<Empty> {
    let id = templates::create(&app, &actor, &body).await?;
    created(paths::template_detail(id.as_str()), Empty {})
}

/// Show a template
///
/// The template, whether a job can be created from it without further values, and what it lacks for that.
#[utoipa::path(
    get, path = paths::TEMPLATE_DETAIL, operation_id = "showTemplate", tag = "templates", params(TemplatePath),
    responses((status = 200, description = "The template.", body = Envelope<TemplateDetail>), ReadFailures)
)]
pub(crate) async fn detail(Call { app, actor, path }: Call<TemplatePath>, _: NoQuery, _: NoBody) -> Answer<Object> {
    let found = templates::detail(&app, &actor, &path.id).await?;
    let mut record = show::template(&found.template, &app.zone);
    record.insert("runnable".to_owned(), Value::from(found.runnable));
    let warnings = serde_json::to_value(show::notices(found.warnings)).unwrap_or_default();
    record.insert("warnings".to_owned(), warnings);
    let usage = serde_json::to_value(show::usage(&found.usage, &app.zone)).unwrap_or_default();
    record.insert("usage".to_owned(), usage);
    ok(record)
}

/// Replace a template's content
///
/// The body is the whole new content. Published fields that are left out are unset; `labels`, `visibility` and
/// the other fields of Trainyard keep their value. `If-Match` has the revision that was read. Equal content
/// changes nothing.
#[utoipa::path(
    put, path = paths::TEMPLATE_UPDATE, operation_id = "updateTemplate", tag = "templates", request_body = TemplateSave,
    params(TemplatePath, ("If-Match" = String, Header, pattern = r#"^("0*[1-9][0-9]{0,17}"|0*[1-9][0-9]{0,17})$"#, description = "The revision that was read, in quotes.", example = "\"1\"")),
    responses((status = 200, description = "The content was replaced, or was equal.", body = Envelope<TemplateUpdated>), UpdateFailures)
)]
pub(crate) async fn update(
    Call { app, actor, path }: Call<TemplatePath>,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Answer<TemplateUpdated> {
    let template = templates::update(&app, &actor, &path.id, if_match(&headers)?, &body).await?;
    let revision = u64::try_from(template.revision).unwrap_or_default();
    ok(TemplateUpdated { version: u64::from(template.version), revision })
}

/// Delete a template
///
/// Jobs created from the template do not change. Its name is free again.
#[utoipa::path(
    delete, path = paths::TEMPLATE_DELETE, operation_id = "deleteTemplate", tag = "templates", params(TemplatePath),
    responses((status = 200, description = "The template was deleted.", body = Envelope<Empty>), ActionFailures)
)]
pub(crate) async fn delete(Call { app, actor, path }: Call<TemplatePath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    templates::delete(&app, &actor, &path.id).await?;
    done()
}

/// Archive a template
///
/// Lists show an archived template only on request, and commands do not find it by name. It can still be read and used
/// by its id. An archived template does not change.
#[utoipa::path(
    post, path = paths::TEMPLATE_ARCHIVE, operation_id = "archiveTemplate", tag = "templates", params(TemplatePath),
    responses((status = 200, description = "The template is archived.", body = Envelope<Empty>), ActionFailures)
)]
pub(crate) async fn archive(Call { app, actor, path }: Call<TemplatePath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    templates::set_archived(&app, &actor, &path.id, true).await?;
    done()
}

/// Unarchive a template
///
/// Lists show the template again.
#[utoipa::path(
    post, path = paths::TEMPLATE_UNARCHIVE, operation_id = "unarchiveTemplate", tag = "templates", params(TemplatePath),
    responses((status = 200, description = "The template is not archived.", body = Envelope<Empty>), ActionFailures)
)]
pub(crate) async fn unarchive(Call { app, actor, path }: Call<TemplatePath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    templates::set_archived(&app, &actor, &path.id, false).await?;
    done()
}
