//! The versions of a template: looking at them, comparing them, choosing the default one.

use std::collections::BTreeMap;

use trainyard_domain::{
    access::{Action, Actor},
    document::{Change, changes},
    fault::{Fault, FaultCode},
    template::{Template, Usage, Version},
};
use trainyard_store::{Page, PageRequest};

use super::{find, is_replaced};
use crate::{App, failure::Failure};

/// A page of a template's versions, the newest first, with what the use of each has shown.
///
/// # Errors
/// `NotFound`.
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

/// One version with what its use has shown.
///
/// # Errors
/// `NotFound`.
pub async fn version(app: &App, actor: &Actor, id: &str, number: &str) -> Result<(Template, Version, Usage), Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let Some(wanted) = number.parse().ok().filter(|number| *number > 0) else {
        return Err(Failure::not_found("version", number));
    };
    let version = numbered(app, &template, wanted).await?;
    let usage = Usage::by_version(&app.store.template_uses(&template.id).await?).remove(&wanted).unwrap_or_default();
    Ok((template, version, usage))
}

/// How the content of one version differs from that of another.
///
/// # Errors
/// `NotFound`, also for a version that there is not.
pub async fn diff(app: &App, actor: &Actor, id: &str, from: u32, to: u32) -> Result<Vec<Change>, Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    let before = numbered(app, &template, from).await?;
    let after = numbered(app, &template, to).await?;
    Ok(changes(&before.content, &after.content))
}

/// Makes a version the one that is used where none is named; the one that is it already stays so.
///
/// # Errors
/// `NotFound`, `Forbidden`, `BadBody` where there is no such version, `Stale` where the caller saw another revision.
pub async fn set_default(app: &App, actor: &Actor, id: &str, seen: Option<i64>, number: u32) -> Result<(), Failure> {
    loop {
        let current = find(app, actor, Action::ChangeTemplate, id).await?;
        if seen.is_some_and(|seen| seen != current.revision) {
            return Err(Failure::Stale { revision: current.revision });
        }
        if number == current.version {
            return Ok(());
        }
        let Some(version) = app.store.template_version(&current.id, number).await? else {
            let message = format!("the template has no version {number}; its latest is {}", current.latest_version);
            let fault = Fault { path: "version".to_owned(), code: FaultCode::Unknown, message };
            return Err(Failure::BadBody(vec![fault]));
        };
        let next = current.turned_to(version, app.clock.now());
        if is_replaced(app, actor, &current, &next).await? {
            return Ok(());
        }
    }
}

pub(super) async fn numbered(app: &App, template: &Template, number: u32) -> Result<Version, Failure> {
    let found = app.store.template_version(&template.id, number).await?;
    found.ok_or_else(|| Failure::not_found("version", &format!("{number} of {}", template.id)))
}
