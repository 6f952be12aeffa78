//! The body of a call that creates or updates a template: its checks, and the template that it becomes.

use serde_json::{Map, Value};

use super::{Template, in_one_document};
use crate::{
    access::{Actor, Visibility},
    document::Document,
    fault::{Fault, FaultCode, Faults},
    id::TemplateId,
    job_spec::{FIELDS, Mode, Owner, check_document},
    text::{DESC_MAX_CHARS, Name, check_free_text},
    time::WallTime,
};

/// A body that has passed its checks, and can become a new template or the next state of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateInput {
    /// The name of the template, unique in its project.
    pub name: Name,
    /// The fields that create no version: `desc`, `labels`, `visibility`, as sent.
    pub described: Document,
    /// The fields that create a version: all others, as sent.
    pub content: Document,
    /// Which users may see the template; `Project` unless the body sets it.
    pub visibility: Visibility,
    /// The reason for the change; stored with the version that it creates, if any.
    pub comment: Option<String>,
}

impl TemplateInput {
    /// All fields in one document, as the template will have them.
    pub fn document(&self) -> Document {
        in_one_document(self.name.as_str(), &self.described, &self.content)
    }

    /// The first state of a new template that belongs to `owner`.
    pub fn into_template(self, id: TemplateId, owner: &Actor, now: WallTime) -> Template {
        Template {
            id,
            project: owner.project.clone(),
            owner: owner.user.clone(),
            name: self.name.as_str().to_owned(),
            visibility: self.visibility,
            revision: 1,
            version: 1,
            latest_version: 1,
            archived: false,
            described: self.described,
            content: self.content,
            version_by: owner.user.clone(),
            version_created: now,
            comment: self.comment,
            created: now,
            updated: now,
            jobs_made: 0,
            last_used: None,
        }
    }

    /// Checks the body of a new template; the error is all faults of the body.
    pub fn parse(body: &Value) -> Result<Self, Vec<Fault>> {
        Self::parse_over(body, None)
    }

    /// Checks a body that replaces the content of `current`. Unpublished fields that are left out keep their value. The
    /// error is all faults of the body.
    pub fn parse_update(body: &Value, current: &Template) -> Result<Self, Vec<Fault>> {
        Self::parse_over(body, Some(current))
    }

    fn parse_over(body: &Value, current: Option<&Template>) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let Some(body) = body.as_object() else {
            faults.add("", FaultCode::WrongType, "the body must be a JSON object with the template's fields");
            return Err(faults.into_vec());
        };
        let name = parse_name(body, true, &mut faults);
        let comment = parse_comment(body, &mut faults);
        let mut document = check_document(body, Mode::Template, &["name", "comment"], &mut faults);
        if let Some(current) = current {
            keep_unpublished(body, current, &mut document);
        }
        let Some(name) = name else {
            return Err(faults.into_vec());
        };
        let mut content = Document::with_capacity(document.len());
        let mut described = Document::new();
        for (key, value) in document {
            let is_content = FIELDS.iter().any(|field| field.name == key && field.content);
            if is_content {
                content.insert(key, value)
            } else {
                described.insert(key, value)
            };
        }
        let word = described.get("visibility").and_then(Value::as_str);
        let visibility = word.and_then(Visibility::parse).unwrap_or(Visibility::Project);
        faults.into_result(Self { name, described, content, visibility, comment })
    }
}

fn keep_unpublished(body: &Map<String, Value>, current: &Template, document: &mut Document) {
    for field in FIELDS.iter().filter(|field| field.owner == Owner::Ours && !body.contains_key(field.name)) {
        let kept = current.described.get(field.name).or_else(|| current.content.get(field.name));
        if let Some(value) = kept {
            document.insert(field.name.to_owned(), value.clone());
        }
    }
}

fn parse_comment(body: &Map<String, Value>, faults: &mut Faults) -> Option<String> {
    match body.get("comment") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => match check_free_text(text, DESC_MAX_CHARS) {
            Ok(()) => Some(text.clone()).filter(|text| !text.is_empty()),
            Err(message) => {
                faults.add("comment", FaultCode::Malformed, message);
                None
            }
        },
        Some(_) => {
            faults.add("comment", FaultCode::WrongType, "must be text");
            None
        }
    }
}

/// Reads the `name` of a body and adds a fault if it is missing or malformed.
pub fn parse_name(body: &Map<String, Value>, required: bool, faults: &mut Faults) -> Option<Name> {
    match body.get("name") {
        None | Some(Value::Null) => {
            if required {
                faults.add("name", FaultCode::Required, "must be given: 1 to 128 characters, unique in the project");
            }
            None
        }
        Some(Value::String(text)) => match Name::parse(text) {
            Ok(name) => Some(name),
            Err(message) => {
                faults.add("name", FaultCode::Malformed, message);
                None
            }
        },
        Some(_) => {
            faults.add("name", FaultCode::WrongType, "must be text");
            None
        }
    }
}
