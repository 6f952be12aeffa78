//! The calls that list templates and check whether a name is free.

mod labels;

use trainyard_api::{
    Envelope, Page,
    failures::{Fails, ListFailures},
    paths,
    template::{
        TemplateRecord,
        find::{Archived, NameAvailable, NameQuery, TemplateListQuery, TemplateSort},
    },
};
use trainyard_domain::{access::Visibility, framework::Framework, job_spec::TrainingType, text::Name};
use trainyard_store::{ArchivedFilter, Direction, Sort, SortBy, TemplateFilter};

use crate::{
    app::scope,
    failure::Failure,
    http::{
        answer::{Answer, ok},
        extract::{Call, NoBody, QueryParams},
        query::Query,
        show::{self, Object},
    },
    templates,
};

/// The parameters of the list.
const PARAMETERS: &[&str] = &[
    "pageNo",
    "pageSize",
    "name",
    "search",
    "labels",
    "createBy",
    "visibility",
    "archived",
    "aidcId",
    "trainingType",
    "trainingFramwork",
    "sort",
];
/// Each term of a search is compared with every template, so a search must not have thousands of terms.
const SEARCH_MAX_CHARS: usize = 256;

/// List templates
///
/// The templates that the key may see and that are not archived, the newest first unless `sort` says otherwise. Every
/// field is as it was sent.
#[utoipa::path(
    get, path = paths::TEMPLATE_LIST, operation_id = "listTemplates", tag = "templates", params(TemplateListQuery),
    responses((status = 200, description = "One page of templates.", body = Envelope<Page<TemplateRecord>>), ListFailures)
)]
pub(crate) async fn list(Call { app, actor, .. }: Call, query: QueryParams, _: NoBody) -> Answer<Page<Object>> {
    let mut query = query.read(PARAMETERS);
    let page = query.page();
    let filter = TemplateFilter {
        scope: scope(&actor),
        name: query.text("name"),
        search: query.parsed("search", search_text),
        labels: query.parsed("labels", labels::parse).unwrap_or_default(),
        owner: query.text("createBy"),
        visibility: query.choice("visibility", Visibility::WORDS).as_deref().and_then(Visibility::parse),
        archived: archived(&mut query),
        centre: query.centre(),
        training_type: query.choice("trainingType", TrainingType::WORDS),
        framework: query.choice("trainingFramwork", Framework::WORDS),
        sort: sort(&mut query),
    };
    query.finish(())?;
    let found = templates::list(&app, &filter, page).await?;
    ok(show::page(found, page, |template| show::template(&template, &app.zone)))
}

/// Check whether a name is free
///
/// Whether a template with this name can be created now in the key's project. Names with the same Unicode normal form C
/// are the same name. The names of archived templates and of private templates of other users are taken too. The check
/// reserves nothing: a later create can still find the name taken.
#[utoipa::path(
    get, path = paths::NAME_AVAILABLE, operation_id = "isNameAvailable", tag = "templates", params(NameQuery),
    responses((status = 200, description = "Whether the name is free.", body = Envelope<NameAvailable>), ListFailures, Fails<403>)
)]
pub(crate) async fn name_available(
    Call { app, actor, .. }: Call,
    query: QueryParams,
    _: NoBody,
) -> Answer<NameAvailable> {
    let mut query = query.read(&["name"]);
    let name = query.required("name", Name::parse);
    let Some(name) = query.finish(name)? else {
        return Err(Failure::Internal("a valid name was not read".to_owned()));
    };
    let available = templates::name_available(&app, &actor, &name).await?;
    ok(NameAvailable { available })
}

fn search_text(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0..=SEARCH_MAX_CHARS => Ok(text.to_owned()),
        _ => Err(format!("must have at most {SEARCH_MAX_CHARS} characters")),
    }
}

fn archived(query: &mut Query) -> ArchivedFilter {
    match query.choice("archived", Archived::WORDS).as_deref() {
        Some("true") => ArchivedFilter::Only,
        Some("all") => ArchivedFilter::Shown,
        _ => ArchivedFilter::Hidden,
    }
}

fn sort(query: &mut Query) -> Sort {
    let word = query.choice("sort", TemplateSort::WORDS).unwrap_or_else(|| "-created".to_owned());
    let (word, direction) = match word.strip_prefix('-') {
        Some(word) => (word, Direction::Descending),
        None => (word.as_str(), Direction::Ascending),
    };
    let by = match word {
        "name" => SortBy::Name,
        "updated" => SortBy::Updated,
        "lastUsed" => SortBy::LastUsed,
        "jobsMade" => SortBy::JobsMade,
        _ => SortBy::Created,
    };
    Sort { by, direction }
}
