//! Use cases about templates: create, show, list, update, archive, delete. Other files have the use cases about
//! versions, copies, import and export.

mod copy;
mod import_export;
mod versions;

pub(crate) use copy::insert_named;
pub use copy::{NewName, copy};
pub use import_export::{Import, Imported, export, import};
pub use versions::{diff, set_default, version, versions};

use serde_json::Value;
use trainyard_domain::{
    access::{Action, Actor},
    document::Document,
    fault::Fault,
    id::TemplateId,
    merge::Source,
    template::{Base, Request, Template, TemplateInput, Usage, effective_spec},
    text::Name,
};
use trainyard_store::{Page, PageRequest, StoreError, TemplateFilter};

use crate::{
    App,
    app::{allow, allow_template},
    clock::new_id,
    failure::Failure,
    secrets,
};

/// Creates a template and returns its id. A repeated call with equal content returns the id of the first.
///
/// Errors: `Forbidden`, `BadBody` with all faults, `NameTaken`.
pub async fn create(app: &App, actor: &Actor, body: &Value) -> Result<TemplateId, Failure> {
    allow(actor, Action::CreateTemplate)?;
    insert(app, actor, TemplateInput::parse(body).map_err(Failure::BadBody)?).await
}

/// Inserts an input as a new template of the caller, or returns the existing template with the same name and content.
async fn insert(app: &App, actor: &Actor, input: TemplateInput) -> Result<TemplateId, Failure> {
    let key = input.name.key();
    let now = app.clock.now();
    let template = input.into_template(TemplateId::from_random(new_id(now)?), actor, now);
    match app.store.insert_template(&template, &key).await {
        Ok(()) => Ok(template.id),
        Err(StoreError::NameTaken { .. }) => {
            let existing = app.store.template_named(&actor.project, &key).await?;
            match existing {
                Some(existing) if existing.matches(&template) && can_read(actor, &existing) => Ok(existing.id),
                other => Err(name_taken(actor, &template.name, other.as_ref())),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn can_read(actor: &Actor, template: &Template) -> bool {
    allow_template(actor, Action::ReadTemplate, template).is_ok()
}

fn name_taken(actor: &Actor, name: &str, existing: Option<&Template>) -> Failure {
    let id = existing.filter(|template| can_read(actor, template)).map(|template| template.id.to_string());
    Failure::NameTaken { name: name.to_owned(), id }
}

/// Finds a template that the caller may use for an action.
///
/// Errors: `NotFound`, `Forbidden`.
pub async fn find(app: &App, actor: &Actor, action: Action, id: &str) -> Result<Template, Failure> {
    let missing = || Failure::not_found("template", id);
    let key: TemplateId = id.parse().map_err(|_| missing())?;
    let template = app.store.template(&key).await?.ok_or_else(missing)?;
    allow_template(actor, action, &template)?;
    Ok(template)
}

/// A page of the templates that pass a filter.
///
/// Errors: those of the store.
pub async fn list(app: &App, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Template>, Failure> {
    Ok(app.store.list_templates(filter, page).await?)
}

/// Whether the caller could create a template with a name now.
///
/// Errors: `Forbidden` if the caller may not create templates: the answer would reveal private ones.
pub async fn name_available(app: &App, actor: &Actor, name: &Name) -> Result<bool, Failure> {
    allow(actor, Action::CreateTemplate)?;
    Ok(!app.store.is_name_taken(&actor.project, &name.key()).await?)
}

/// A template with the facts that its detail shows.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The template itself.
    pub template: Template,
    /// Whether a job can be created from the template without further values.
    pub runnable: bool,
    /// The reasons why the template is not runnable, and settings that its jobs would not get.
    pub warnings: Vec<Fault>,
    /// Statistics about the template's jobs.
    pub usage: Usage,
}

/// A template with its warnings and statistics.
///
/// Errors: `NotFound`.
pub async fn detail(app: &App, actor: &Actor, id: &str) -> Result<Detail, Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let source = Source::Template(template.id.clone(), template.version);
    let nothing = Document::new();
    let base = Base { content: &template.content, source: &source, author: &template.version_by };
    let unchanged = effective_spec(base, Request { overrides: &nothing, values: &nothing }, &app.centres.views());
    let mut warnings = unchanged.problems();
    warnings.extend(secrets::faults(app, &actor.project, &actor.user, &unchanged.prepared.document).await?);
    let runnable = warnings.is_empty();
    warnings.extend(unchanged.prepared.warnings);
    let usage = Usage::of(&app.store.template_uses(&template.id).await?);
    Ok(Detail { template, runnable, warnings, usage })
}

/// Replaces a template's content and returns the template. Equal content creates neither a version nor a revision.
///
/// Errors: `NotFound`, `Forbidden`, `RevisionRequired`, `Stale`, `BadBody` with all faults, `NameTaken`.
pub async fn update(
    app: &App,
    actor: &Actor,
    id: &str,
    revision_read: Option<i64>,
    body: &Value,
) -> Result<Template, Failure> {
    let current = find(app, actor, Action::ChangeTemplate, id).await?;
    let revision_read = revision_read.ok_or(Failure::RevisionRequired)?;
    // Before the body: a caller that read an old revision must read again, whatever the body says.
    if revision_read != current.revision {
        return Err(Failure::Stale { revision: current.revision });
    }
    let input = TemplateInput::parse_update(body, &current).map_err(Failure::BadBody)?;
    if current.matches_input(&input) {
        return Ok(current);
    }
    let next = current.after_update(&input, &actor.user, app.clock.now());
    replace(app, actor, &current, &next).await?;
    Ok(next)
}

/// Archives or unarchives a template; no change if it is in that state already.
///
/// Errors: `NotFound`, `Forbidden`.
pub async fn set_archived(app: &App, actor: &Actor, id: &str, archived: bool) -> Result<(), Failure> {
    loop {
        let current = find(app, actor, Action::ChangeTemplate, id).await?;
        if current.archived == archived {
            return Ok(());
        }
        let next = current.with_archived(archived, app.clock.now());
        if try_replace(app, actor, &current, &next).await? {
            return Ok(());
        }
    }
}

/// [`replace`] for calls that take no revision from the caller. `false` means that the template has changed meanwhile
/// and must be read again.
async fn try_replace(app: &App, actor: &Actor, current: &Template, next: &Template) -> Result<bool, Failure> {
    match replace(app, actor, current, next).await {
        Ok(()) => Ok(true),
        Err(Failure::Stale { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Replaces a template with its next state if its revision is still the one that was read.
async fn replace(app: &App, actor: &Actor, current: &Template, next: &Template) -> Result<(), Failure> {
    let key = Name::parse(&next.name).map(|name| name.key()).unwrap_or_else(|_| next.name.clone());
    match app.store.update_template(next, &key, current.revision).await {
        Ok(()) => Ok(()),
        Err(StoreError::NameTaken { .. }) => {
            let existing = app.store.template_named(&next.project, &key).await?;
            Err(name_taken(actor, &next.name, existing.as_ref()))
        }
        Err(StoreError::NotFound) => Err(Failure::not_found("template", next.id.as_str())),
        Err(error) => Err(error.into()),
    }
}

/// Deletes a template; jobs created from it keep their own copy of the spec.
///
/// Errors: `NotFound`, `Forbidden`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let template = find(app, actor, Action::ChangeTemplate, id).await?;
    match app.store.delete_template(&template.id).await? {
        true => Ok(()),
        false => Err(Failure::not_found("template", id)),
    }
}
