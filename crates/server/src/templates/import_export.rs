//! Exports templates as text and creates templates from text. The formats are in the crate `exchange`.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    id::TemplateId,
    template::TemplateInput,
    text::Name,
};
use trainyard_exchange::{self as exchange, Exported, Format, Unmapped};

use super::{find, insert, versions::find_version};
use crate::{App, app::allow, failure::Failure};

/// Exports a version of a template; by default its default version.
///
/// Errors: `NotFound` for a template or a version.
pub async fn export(
    app: &App,
    actor: &Actor,
    id: &str,
    version: Option<u32>,
    format: Format,
) -> Result<Exported, Failure> {
    let mut template = find(app, actor, Action::ReadTemplate, id).await?;
    if let Some(number) = version {
        template.content = find_version(app, &template, number).await?.content;
    }
    exchange::export(&template.document(), format)
        .ok_or_else(|| Failure::Internal(format!("no export to {}", format.as_str())))
}

/// A text to import.
#[derive(Clone, Debug)]
pub struct Import {
    /// The text in one of the import formats.
    pub text: String,
    /// The format; `None` to detect it from the text.
    pub format: Option<Format>,
    /// The name of the template; `None` to use the name in the text.
    pub name: Option<Name>,
    /// Whether to read the text only and create nothing.
    pub dry_run: bool,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The id of the created template; `None` in a dry run.
    pub id: Option<TemplateId>,
    /// The fields of the template.
    pub document: Map<String, Value>,
    /// Every value of the text that a template cannot hold.
    pub unmapped: Vec<Unmapped>,
}

/// Creates a template from a text, or only reads the text. A repeated call creates nothing new.
///
/// Errors: `Forbidden`, `BadBody` for a text that cannot be read or has values that no template may have, `NameTaken`.
pub async fn import(app: &App, actor: &Actor, request: Import) -> Result<Imported, Failure> {
    allow(actor, Action::CreateTemplate)?;
    let read = exchange::import(&request.text, request.format).map_err(Failure::BadBody)?;
    let mut body = read.body;
    if let Some(name) = request.name {
        body.insert("name".to_owned(), Value::from(name.as_str()));
    }
    if body.get("name").is_none_or(Value::is_null) {
        let message = "must be given, since the text has no name for the template".to_owned();
        let fault = Fault { path: "name".to_owned(), code: FaultCode::Required, message };
        return Err(Failure::BadBody(vec![fault]));
    }
    let comment = format!("imported from {}", read.format.as_str());
    body.entry("comment").or_insert_with(|| Value::from(comment));
    let input = TemplateInput::parse(&Value::Object(body)).map_err(Failure::BadBody)?;
    let document = input.document();
    let id = if request.dry_run { None } else { Some(insert(app, actor, input).await?) };
    Ok(Imported { id, document, unmapped: read.unmapped })
}
