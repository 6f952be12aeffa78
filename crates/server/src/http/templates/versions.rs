//! The calls about the versions of a template.

use axum::http::HeaderMap;
use trainyard_api::{
    Empty, Envelope, Page,
    failures::{ChangeFailures, Fails, ReadFailures},
    page::PageQuery,
    paths,
    template::version::{DefaultVersion, Diff, DiffQuery, VersionDetail, VersionRecord},
};

use crate::{
    http::{
        answer::{Answer, done, ok},
        body_fields::BodyFields,
        extract::{Call, JsonBody, NoBody, NoQuery, QueryParams, if_match},
        path::{TemplatePath, VersionPath},
        show::{self, Object},
    },
    templates,
};

/// List a template's versions
///
/// The newest first. Each change of content creates a version; a version never changes.
#[utoipa::path(
    get, path = paths::VERSION_LIST, operation_id = "listTemplateVersions", tag = "templates", params(TemplatePath, PageQuery),
    responses((status = 200, description = "One page of versions.", body = Envelope<Page<VersionRecord>>), ReadFailures)
)]
pub(crate) async fn list(
    Call { app, actor, path }: Call<TemplatePath>,
    query: QueryParams,
    _: NoBody,
) -> Answer<Page<VersionRecord>> {
    let page = query.only_page()?;
    let (template, found, mut usage) = templates::versions(&app, &actor, &path.id, page).await?;
    ok(show::page(found, page, |version| {
        let usage = usage.remove(&version.number).unwrap_or_default();
        show::version(&version, template.version, &usage, &app.zone)
    }))
}

/// Show a version of a template
#[utoipa::path(
    get, path = paths::VERSION_DETAIL, operation_id = "showTemplateVersion", tag = "templates",
    params(VersionPath),
    responses((status = 200, description = "The version.", body = Envelope<VersionDetail>), ReadFailures)
)]
pub(crate) async fn detail(Call { app, actor, path }: Call<VersionPath>, _: NoQuery, _: NoBody) -> Answer<Object> {
    let (template, version, usage) = templates::version(&app, &actor, &path.id, &path.n).await?;
    ok(show::version_detail(&template, &version, &usage, &app.zone))
}

/// Compare two versions of a template
///
/// Value by value. Mounts are compared by their mount path, parameters by their name.
#[utoipa::path(
    get, path = paths::TEMPLATE_DIFF, operation_id = "diffTemplateVersions", tag = "templates", params(TemplatePath, DiffQuery),
    responses((status = 200, description = "The differences.", body = Envelope<Diff>), ReadFailures)
)]
pub(crate) async fn diff(Call { app, actor, path }: Call<TemplatePath>, query: QueryParams, _: NoBody) -> Answer<Diff> {
    let mut query = query.read(&["from", "to"]);
    let (from, to) = (query.required_count("from"), query.required_count("to"));
    let (from, to) = query.finish((from.unwrap_or_default(), to.unwrap_or_default()))?;
    let changes = templates::diff(&app, &actor, &path.id, from, to).await?;
    ok(Diff { changes: show::changes(changes) })
}

/// Choose a template's default version
///
/// Calls that name no version use the default version. Any version can be the default, so a change can be undone. With
/// `If-Match`, the call is refused if the template has changed since that revision.
#[utoipa::path(
    post, path = paths::DEFAULT_VERSION, operation_id = "setDefaultTemplateVersion", tag = "templates", request_body = DefaultVersion,
    params(TemplatePath, ("If-Match" = Option<String>, Header, nullable = false, pattern = r#"^("0*[1-9][0-9]{0,17}"|0*[1-9][0-9]{0,17})$"#, description = "The revision that was read, in quotes.", example = "\"1\"")),
    responses((status = 200, description = "The default version was chosen.", body = Envelope<Empty>), ChangeFailures, Fails<412>)
)]
pub(crate) async fn set_default(
    Call { app, actor, path }: Call<TemplatePath>,
    _: NoQuery,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Answer<Empty> {
    let mut fields = BodyFields::of(&body, &["version"])?;
    let number = fields.required_count("version").unwrap_or_default();
    let number = fields.finish(number)?;
    templates::set_default(&app, &actor, &path.id, if_match(&headers)?, number).await?;
    done()
}
