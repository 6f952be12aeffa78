//! What can be done with templates.

use serde_json::Value;
use trainyard_domain::{
    access::{Action, Actor},
    fault::Fault,
    id::TemplateId,
    merge::Source,
    spec::Document,
    template::{Base, Draft, Request, Template, effective},
};
use trainyard_store::{Page, PageRequest, StoreError, TemplateFilter};

use crate::{
    App,
    app::{allow, allow_template},
    clock::random_id,
    failure::Failure,
};

/// Saves a template and answers its id; repeating it with equal content makes nothing new.
///
/// # Errors
/// All faults of the body, or the name is taken by other content.
pub async fn create(app: &App, actor: &Actor, body: &Value) -> Result<TemplateId, Failure> {
    allow(actor, Action::CreateTemplate)?;
    let draft = Draft::parse(body).map_err(Failure::BadBody)?;
    let now = app.clock.now();
    let key = draft.name.key();
    let template = Template {
        id: TemplateId::from_random(random_id()?),
        project: actor.project.clone(),
        owner: actor.user.clone(),
        name: draft.name.as_str().to_owned(),
        visibility: draft.visibility,
        revision: 1,
        version: 1,
        latest_version: 1,
        archived: false,
        described: draft.described.clone(),
        content: draft.content.clone(),
        version_by: actor.user.clone(),
        version_created: now,
        comment: draft.comment.clone(),
        created: now,
        updated: now,
        jobs_made: 0,
        last_used: None,
    };
    match app.store.insert_template(&template, &key).await {
        Ok(()) => Ok(template.id),
        Err(StoreError::NameTaken { .. }) => {
            let standing = app.store.template_named(&actor.project, &key).await?;
            match standing {
                Some(standing) if standing.says_the_same(&draft) && sees(actor, &standing) => Ok(standing.id),
                other => Err(name_taken(actor, &template.name, other.as_ref())),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn sees(actor: &Actor, template: &Template) -> bool {
    allow_template(actor, Action::ReadTemplate, template).is_ok()
}

fn name_taken(actor: &Actor, name: &str, holder: Option<&Template>) -> Failure {
    let id = holder.filter(|template| sees(actor, template)).map(|template| template.id.to_string());
    Failure::NameTaken { name: name.to_owned(), id }
}

/// A page of what the caller sees.
///
/// # Errors
/// Only those of the store.
pub async fn list(app: &App, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Template>, Failure> {
    Ok(app.store.list_templates(filter, page).await?)
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

/// One template, whether a job could be made from it as it is, and all that is to be said about it.
///
/// # Errors
/// `NotFound`.
pub async fn detail(app: &App, actor: &Actor, id: &str) -> Result<(Template, bool, Vec<Fault>), Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let source = Source::Template(template.id.clone(), template.version);
    let nothing = Document::new();
    let base = Base { content: &template.content, source: &source, author: &template.version_by };
    let alone = effective(base, Request { overrides: &nothing, values: &nothing }, &app.centres.views());
    let mut problems = alone.problems();
    let runnable = problems.is_empty();
    problems.extend(alone.prepared.warnings);
    Ok((template, runnable, problems))
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
    let key = draft.name.key();
    match app.store.update_template(&next, &key, seen).await {
        Ok(()) => Ok(next),
        Err(StoreError::NameTaken { .. }) => {
            let holder = app.store.template_named(&next.project, &key).await?;
            Err(name_taken(actor, &next.name, holder.as_ref()))
        }
        Err(StoreError::NotFound) => Err(Failure::not_found("template", id)),
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
