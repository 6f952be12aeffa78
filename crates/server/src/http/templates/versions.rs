//! The calls about a template's versions.

use axum::{Json, extract::State, http::HeaderMap};
use trainyard_api::{
    Empty, Envelope, Page,
    failures::{ChangeFailures, Fails, ReadFailures},
    page::PageQuery,
    paths,
    template::version::{DefaultVersion, Diff, DiffQuery, VersionDetail, VersionRecord},
};

use crate::{
    App,
    failure::Failure,
    http::{
        body_fields::BodyFields,
        extract::{Caller, JsonBody, NoBody, PathParams, RawQuery, if_match},
        show::{self, Object},
    },
    templates,
};

/// List a template's versions
///
/// The newest first. Each change of content made one; none is ever changed.
#[utoipa::path(
    get, path = paths::VERSION_LIST, operation_id = "listTemplateVersions", tag = "templates", params(("id" = String, Path, description = "Id of the template."), PageQuery),
    responses((status = 200, description = "One page.", body = Envelope<Page<VersionRecord>>), ReadFailures)
)]
pub(in crate::http) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Page<VersionRecord>>>, Failure> {
    let mut query = query.read(&["pageNo", "pageSize"]);
    let page = query.page();
    query.finish(())?;
    let (template, found, mut usage) = templates::versions(&app, &actor, &id, page).await?;
    Ok(Json(Envelope::ok(show::page(found, page, |version| {
        let usage = usage.remove(&version.number).unwrap_or_default();
        show::version(&version, template.version, &usage, &app.zone)
    }))))
}

/// Show a version of a template
#[utoipa::path(
    get, path = paths::VERSION_DETAIL, operation_id = "showTemplateVersion", tag = "templates",
    params(("id" = String, Path, description = "Id of the template."), ("n" = u32, Path, description = "Number of the version, from 1.")),
    responses((status = 200, description = "The version.", body = Envelope<VersionDetail>), ReadFailures)
)]
pub(in crate::http) async fn detail(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams((id, number)): PathParams<(String, String)>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Object>>, Failure> {
    query.none()?;
    let (template, version, usage) = templates::version(&app, &actor, &id, &number).await?;
    Ok(Json(Envelope::ok(show::version_detail(&template, &version, &usage, &app.zone))))
}

/// Compare two versions of a template
///
/// Leaf by leaf: mounts are told apart by their mount path, parameters by their name.
#[utoipa::path(
    get, path = paths::TEMPLATE_DIFF, operation_id = "diffTemplateVersions", tag = "templates", params(("id" = String, Path, description = "Id of the template."), DiffQuery),
    responses((status = 200, description = "What differs.", body = Envelope<Diff>), ReadFailures)
)]
pub(in crate::http) async fn diff(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    _: NoBody,
) -> Result<Json<Envelope<Diff>>, Failure> {
    let mut query = query.read(&["from", "to"]);
    let (from, to) = (query.required_count("from"), query.required_count("to"));
    let (from, to) = query.finish((from.unwrap_or_default(), to.unwrap_or_default()))?;
    let changes = templates::diff(&app, &actor, &id, from, to).await?;
    Ok(Json(Envelope::ok(Diff { changes: show::changes(changes) })))
}

/// Choose a template's default version
///
/// The one that is used where none is named; any version may be it, so a change can be taken back. With `If-Match` it is
/// refused where the template was changed since that revision.
#[utoipa::path(
    post, path = paths::DEFAULT_VERSION, operation_id = "setDefaultTemplateVersion", tag = "templates", request_body = DefaultVersion,
    params(("id" = String, Path, description = "Id of the template."), ("If-Match" = Option<String>, Header, nullable = false, pattern = r#"^("0*[1-9][0-9]{0,17}"|0*[1-9][0-9]{0,17})$"#, description = "The revision that was read, quoted.", example = "\"1\"")),
    responses((status = 200, description = "Chosen.", body = Envelope<Empty>), ChangeFailures, Fails<412>)
)]
pub(in crate::http) async fn set_default(
    State(app): State<App>,
    Caller(actor): Caller,
    PathParams(id): PathParams<String>,
    query: RawQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Json<Envelope<Empty>>, Failure> {
    query.none()?;
    let mut fields = BodyFields::of(&body, &["version"])?;
    let number = fields.required_count("version").unwrap_or_default();
    let number = fields.finish(number)?;
    templates::set_default(&app, &actor, &id, if_match(&headers)?, number).await?;
    Ok(Json(Envelope::ok(Empty {})))
}
