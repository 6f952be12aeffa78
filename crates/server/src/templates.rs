//! What can be done with templates: save, look at, replace, archive, delete. Their versions, copies and previews have
//! files of their own.

mod copy;
mod finding;
mod import_export;
mod versions;

pub(crate) use copy::insert_named;
pub use copy::{NewName, copy};
pub use finding::{list, name_available};
pub use import_export::{Import, Imported, export, import};
pub use versions::{diff, set_default, version, versions};

use serde_json::Value;
use trainyard_domain::{
    access::{Action, Actor},
    document::Document,
    fault::Fault,
    id::TemplateId,
    merge::Source,
    template::{Base, Draft, Request, Template, Usage, effective},
    text::Name,
};
use trainyard_store::StoreError;

use crate::{
    App,
    app::{allow, allow_template},
    clock::new_id,
    failure::Failure,
};

/// Saves a template and answers its id; repeating it with equal content makes nothing new.
///
/// # Errors
/// All faults of the body, or the name is taken by other content.
pub async fn create(app: &App, actor: &Actor, body: &Value) -> Result<TemplateId, Failure> {
    allow(actor, Action::CreateTemplate)?;
    insert(app, actor, Draft::parse(body).map_err(Failure::BadBody)?).await
}

/// Keeps a draft as a new template of the caller's.
async fn insert(app: &App, actor: &Actor, draft: Draft) -> Result<TemplateId, Failure> {
    let key = draft.name.key();
    let now = app.clock.now();
    let template = draft.into_template(TemplateId::from_random(new_id(now)?), actor, now);
    match app.store.insert_template(&template, &key).await {
        Ok(()) => Ok(template.id),
        Err(StoreError::NameTaken { .. }) => {
            let existing = app.store.template_named(&actor.project, &key).await?;
            match existing {
                Some(existing) if existing.says_the_same_as(&template) && can_read(actor, &existing) => Ok(existing.id),
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

/// One template that the caller may see, for an action.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub async fn find(app: &App, actor: &Actor, action: Action, id: &str) -> Result<Template, Failure> {
    let missing = || Failure::not_found("template", id);
    let key: TemplateId = id.parse().map_err(|_| missing())?;
    let template = app.store.template(&key).await?.ok_or_else(missing)?;
    allow_template(actor, action, &template)?;
    Ok(template)
}

/// One template with what is to be known about it.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The template.
    pub template: Template,
    /// Whether a job could be made from it as it is.
    pub runnable: bool,
    /// All that is to be said about it.
    pub warnings: Vec<Fault>,
    /// What its jobs came to.
    pub usage: Usage,
}

/// One template in full.
///
/// # Errors
/// `NotFound`.
pub async fn detail(app: &App, actor: &Actor, id: &str) -> Result<Detail, Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let source = Source::Template(template.id.clone(), template.version);
    let nothing = Document::new();
    let base = Base { content: &template.content, source: &source, author: &template.version_by };
    let alone = effective(base, Request { overrides: &nothing, values: &nothing }, &app.centres.views());
    let mut warnings = alone.problems();
    let runnable = warnings.is_empty();
    warnings.extend(alone.prepared.warnings);
    let usage = Usage::of(&app.store.template_uses(&template.id).await?);
    Ok(Detail { template, runnable, warnings, usage })
}

/// Replaces a template's content; answers it as it is now. Equal content makes neither version nor revision.
///
/// # Errors
/// All faults of the body, no or a stale revision, a taken name.
pub async fn update(app: &App, actor: &Actor, id: &str, seen: Option<i64>, body: &Value) -> Result<Template, Failure> {
    let current = find(app, actor, Action::ChangeTemplate, id).await?;
    let seen = seen.ok_or(Failure::RevisionRequired)?;
    // Before the content: who read an old state must read again whatever the body says.
    if seen != current.revision {
        return Err(Failure::Stale { revision: current.revision });
    }
    let draft = Draft::parse_update(body, &current).map_err(Failure::BadBody)?;
    if current.says_the_same(&draft) {
        return Ok(current);
    }
    let next = current.followed_by(&draft, &actor.user, app.clock.now());
    replace(app, actor, &current, &next).await?;
    Ok(next)
}

/// Puts a template into the archive or takes it out; one that is there already stays as it is.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub async fn set_archived(app: &App, actor: &Actor, id: &str, archived: bool) -> Result<(), Failure> {
    loop {
        let current = find(app, actor, Action::ChangeTemplate, id).await?;
        if current.archived == archived {
            return Ok(());
        }
        let next = current.with_archived(archived, app.clock.now());
        if is_replaced(app, actor, &current, &next).await? {
            return Ok(());
        }
    }
}

/// The same as [`replace`] for who needs not have seen the current state; `false` says that it was changed meanwhile and
/// must be read again.
async fn is_replaced(app: &App, actor: &Actor, current: &Template, next: &Template) -> Result<bool, Failure> {
    match replace(app, actor, current, next).await {
        Ok(()) => Ok(true),
        Err(Failure::Stale { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Puts the next state of a template in place of the one that was read, if that is still the current one.
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

/// Deletes a template; jobs made from it keep their own copy.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    let template = find(app, actor, Action::ChangeTemplate, id).await?;
    match app.store.delete_template(&template.id).await? {
        true => Ok(()),
        false => Err(Failure::not_found("template", id)),
    }
}
