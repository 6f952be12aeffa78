//! Templates created from existing content: copies, and content that other use cases pass in.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Action, Actor, Visibility},
    id::TemplateId,
    template::TemplateInput,
    text::Name,
};

use super::{find, insert, versions::find_version};
use crate::{App, app::allow, failure::Failure};

/// The name and the visibility of a new template.
#[derive(Clone, Debug)]
pub struct NewName {
    /// The name, unique within the project.
    pub name: Name,
    /// The visibility; `None` means the project.
    pub visibility: Option<Visibility>,
}

/// Copies a version of a template into the caller's project. A repeated call returns the existing copy.
///
/// Errors: `NotFound`, `Forbidden`, `NameTaken`.
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
    let version = find_version(app, &template, number).await?;
    let mut body = template.described.clone();
    body.extend(version.content);
    let comment = format!("copy of {} v{number}", template.id);
    insert_named(app, actor, body, new, comment).await
}

/// Creates a template of the caller from a body, with a new name.
///
/// Errors: `BadBody`, `NameTaken`.
pub(crate) async fn insert_named(
    app: &App,
    actor: &Actor,
    mut body: Map<String, Value>,
    new: NewName,
    comment: String,
) -> Result<TemplateId, Failure> {
    // The visibility of the original does not carry over.
    body.shift_remove("visibility");
    let visibility = new.visibility.map(|visibility| ("visibility", visibility.as_str()));
    let own = [("name", new.name.as_str()), ("comment", comment.as_str())];
    body.extend(own.into_iter().chain(visibility).map(|(key, text)| (key.to_owned(), Value::from(text))));
    insert(app, actor, TemplateInput::parse(&Value::Object(body)).map_err(Failure::BadBody)?).await
}
