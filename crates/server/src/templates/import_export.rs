//! Templates on their way: written down in other forms, and made of texts.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    id::TemplateId,
    template::Draft,
    text::Name,
};
use trainyard_exchange::{self as exchange, Exported, Format, Unmapped};

use super::{find, insert, versions::numbered};
use crate::{App, app::allow, failure::Failure};

/// Writes a version of a template down.
///
/// # Errors
/// `NotFound`, also for a version that there is not.
pub async fn export(
    app: &App,
    actor: &Actor,
    id: &str,
    version: Option<u32>,
    format: Format,
) -> Result<Exported, Failure> {
    let mut template = find(app, actor, Action::ReadTemplate, id).await?;
    if let Some(number) = version {
        template.content = numbered(app, &template, number).await?.content;
    }
    exchange::export(&template.document(), format)
        .ok_or_else(|| Failure::Internal(format!("{} cannot be written", format.as_str())))
}

/// A text to make a template of.
#[derive(Clone, Debug)]
pub struct Import {
    /// The text.
    pub text: String,
    /// What it is; `None` where that is to be seen from the text.
    pub format: Option<Format>,
    /// The template's name; `None` takes the one in the text.
    pub name: Option<Name>,
    /// Whether nothing is to be made.
    pub dry_run: bool,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The template that was made; none in a dry run.
    pub id: Option<TemplateId>,
    /// Its fields as they were read.
    pub document: Map<String, Value>,
    /// What has no place in a template.
    pub unmapped: Vec<Unmapped>,
}

/// Makes a template of a text, or shows what it would be; repeating it makes nothing new.
///
/// # Errors
/// `Forbidden`, `BadBody` for a text that cannot be read or holds what no template may, the name is taken by other
/// content.
pub async fn import(app: &App, actor: &Actor, wanted: Import) -> Result<Imported, Failure> {
    allow(actor, Action::CreateTemplate)?;
    let read = exchange::import(&wanted.text, wanted.format).map_err(Failure::BadBody)?;
    let mut body = read.body;
    if let Some(name) = wanted.name {
        body.insert("name".to_owned(), Value::from(name.as_str()));
    }
    if body.get("name").is_none_or(Value::is_null) {
        let message = "the text names no template: give `name` beside it".to_owned();
        let fault = Fault { path: "name".to_owned(), code: FaultCode::Required, message };
        return Err(Failure::BadBody(vec![fault]));
    }
    let comment = format!("imported from {}", read.format.as_str());
    body.entry("comment").or_insert_with(|| Value::from(comment));
    let draft = Draft::parse(&Value::Object(body)).map_err(Failure::BadBody)?;
    let document = draft.document();
    let id = if wanted.dry_run { None } else { Some(insert(app, actor, draft).await?) };
    Ok(Imported { id, document, unmapped: read.unmapped })
}
