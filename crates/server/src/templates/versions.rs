//! Use cases about the versions of a template: list, show, compare, choose the default version.

use std::collections::BTreeMap;

use trainyard_domain::{
    access::{Action, Actor},
    document::{Change, changes},
    fault::{Fault, FaultCode},
    template::{Template, Usage, Version},
};
use trainyard_store::{Page, PageRequest};

use super::{find, try_replace};
use crate::{App, failure::Failure};

/// A page of a template's versions, the newest first, with statistics about the jobs of each version.
///
/// Errors: `NotFound`.
pub async fn versions(
    app: &App,
    actor: &Actor,
    id: &str,
    page: PageRequest,
) -> Result<(Template, Page<Version>, BTreeMap<u32, Usage>), Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let found = app.store.template_versions(&template.id, page).await?;
    let usage = Usage::by_version(&app.store.template_uses(&template.id).await?);
    Ok((template, found, usage))
}

/// One version with statistics about its jobs.
///
/// Errors: `NotFound`.
pub async fn version(app: &App, actor: &Actor, id: &str, number: &str) -> Result<(Template, Version, Usage), Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let Some(wanted) = number.parse().ok().filter(|number| *number > 0) else {
        return Err(Failure::not_found("version", number));
    };
    let version = find_version(app, &template, wanted).await?;
    let usage = Usage::by_version(&app.store.template_uses(&template.id).await?).remove(&wanted).unwrap_or_default();
    Ok((template, version, usage))
}

/// The differences between the contents of two versions.
///
/// Errors: `NotFound` for the template or a version.
pub async fn diff(app: &App, actor: &Actor, id: &str, from: u32, to: u32) -> Result<Vec<Change>, Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let before = find_version(app, &template, from).await?;
    let after = find_version(app, &template, to).await?;
    Ok(changes(&before.content, &after.content))
}

/// Makes a version the default version: calls that name no version use it. No change if it is the default already.
///
/// Errors: `NotFound`, `Forbidden`, `BadBody` if the version does not exist, `Stale` if the caller read
/// another revision.
pub async fn set_default(
    app: &App,
    actor: &Actor,
    id: &str,
    revision_read: Option<i64>,
    number: u32,
) -> Result<(), Failure> {
    loop {
        let current = find(app, actor, Action::ChangeTemplate, id).await?;
        if revision_read.is_some_and(|revision_read| revision_read != current.revision) {
            return Err(Failure::Stale { revision: current.revision });
        }
        if number == current.version {
            return Ok(());
        }
        let Some(version) = app.store.template_version(&current.id, number).await? else {
            let message =
                format!("the template has no version {number}; its latest version is {}", current.latest_version);
            let fault = Fault { path: "version".to_owned(), code: FaultCode::Unknown, message };
            return Err(Failure::BadBody(vec![fault]));
        };
        let next = current.with_default_version(version, app.clock.now());
        if try_replace(app, actor, &current, &next).await? {
            return Ok(());
        }
    }
}

/// Finds a version of a template by its number.
pub(super) async fn find_version(app: &App, template: &Template, number: u32) -> Result<Version, Failure> {
    let found = app.store.template_version(&template.id, number).await?;
    found.ok_or_else(|| Failure::not_found("version", &format!("{number} of {}", template.id)))
}
