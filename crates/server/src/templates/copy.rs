//! Templates made from what is there: copies of templates, and what a job was asked to be.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Action, Actor, Visibility},
    id::TemplateId,
    template::Draft,
    text::Name,
};

use super::{find, insert, versions::numbered};
use crate::{App, app::allow, failure::Failure};

/// How a new template is to be called, and who may see it.
#[derive(Clone, Debug)]
pub struct NewName {
    /// Its name.
    pub name: Name,
    /// Who may see it; `None` is the project.
    pub visibility: Option<Visibility>,
}

/// Copies a version of a template into the caller's project; repeating it makes nothing new.
///
/// # Errors
/// `NotFound`, `Forbidden`, the name is taken by other content.
pub async fn copy(
    app: &App,
    actor: &Actor,
    id: &str,
    version: Option<u32>,
    new: NewName,
) -> Result<TemplateId, Failure> {
    let template = find(app, actor, Action::ReadTemplate, id).await?;
    allow(actor, Action::CreateTemplate)?;
    let number = version.unwrap_or(template.version);
    let version = numbered(app, &template, number).await?;
    let mut body = template.described.clone();
    body.extend(version.content);
    let comment = format!("copy of {} v{number}", template.id);
    insert_named(app, actor, body, new, comment).await
}

/// Creates a template of the caller from a body, under a new name.
///
/// # Errors
/// `BadBody`, `NameTaken`.
pub(crate) async fn insert_named(
    app: &App,
    actor: &Actor,
    mut body: Map<String, Value>,
    new: NewName,
    comment: String,
) -> Result<TemplateId, Failure> {
    // Whoever could see the original, the new one is its maker's own affair.
    body.shift_remove("visibility");
    let visibility = new.visibility.map(|visibility| ("visibility", visibility.as_str()));
    let said = [("name", new.name.as_str()), ("comment", comment.as_str())];
    body.extend(said.into_iter().chain(visibility).map(|(key, text)| (key.to_owned(), Value::from(text))));
    insert(app, actor, Draft::parse(&Value::Object(body)).map_err(Failure::BadBody)?).await
}
