//! A template: a named, versioned spec. What a body must be to become one, what an update makes of it, and what its
//! author may ask of requests (parameters, locks, required fields).

mod effective;
mod parameter;
mod request;
#[cfg(test)]
mod tests;
mod usage;

pub use effective::{Base, Effective, Request, effective, not_said_yet};
pub use parameter::check_parameter;
pub use usage::{Usage, Use};

use serde_json::{Map, Value};

use crate::{
    fault::{Fault, FaultCode, Faults},
    id::TemplateId,
    spec::{Document, FIELDS, Mode, Owner, check_document, choice},
    text::{DESC_MAX_CHARS, Name, check_free_text},
};

choice!(
    /// Who may see a template, beside its owner and the admins.
    Visibility {
        /// Nobody else but the project's managers.
        Private = "private",
        /// Everybody in the project.
        Project = "project",
        /// Everybody on this server.
        Public = "public",
    }
);

/// Unix milliseconds.
pub type Millis = i64;

/// A template as it stands, with its current version's spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// The project it belongs to.
    pub project: String,
    /// The user who made it.
    pub owner: String,
    /// Its name, unique in the project.
    pub name: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// Counts every change, from 1.
    pub revision: i64,
    /// The default version: the one that is used where none is named, from 1.
    pub version: u32,
    /// The highest version there is; the next change of content makes the one after it.
    pub latest_version: u32,
    /// Whether it is hidden from lists unless they ask for archived ones, and used only by its id.
    pub archived: bool,
    /// The fields that describe and make no version: `desc`, `labels`, `visibility`, as they were sent.
    pub described: Document,
    /// The content of that version: everything else, as it was sent.
    pub content: Document,
    /// The user who made that version.
    pub version_by: String,
    /// When that version was made.
    pub version_created: Millis,
    /// Why that version was made, in its maker's words.
    pub comment: Option<String>,
    /// When it was made.
    pub created: Millis,
    /// When it last changed.
    pub updated: Millis,
    /// How many jobs were made from it, deleted ones included.
    pub jobs_made: u64,
    /// When the last of them was made.
    pub last_used: Option<Millis>,
}

/// One version of a template: content that never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// The user who made it.
    pub created_by: String,
    /// When it was made.
    pub created: Millis,
    /// Why it was made, in its maker's words.
    pub comment: Option<String>,
    /// The content.
    pub content: Document,
}

impl Template {
    /// All fields as they were sent, in one document.
    pub fn document(&self) -> Document {
        let mut document = Document::new();
        document.insert("name".to_owned(), Value::from(self.name.as_str()));
        document.extend(self.described.clone());
        document.extend(self.content.clone());
        document
    }

    /// Its default version.
    pub fn default_version(&self) -> Version {
        Version {
            number: self.version,
            created_by: self.version_by.clone(),
            created: self.version_created,
            comment: self.comment.clone(),
            content: self.content.clone(),
        }
    }

    /// The template after an update: other content makes the version after the latest, which becomes the default.
    pub fn followed_by(&self, draft: &Draft, by: &str, now: Millis) -> Self {
        let mut next = Self {
            name: draft.name.as_str().to_owned(),
            visibility: draft.visibility,
            revision: self.revision + 1,
            described: draft.described.clone(),
            updated: now,
            ..self.clone()
        };
        if self.content != draft.content {
            next.latest_version = self.latest_version + 1;
            next.version = next.latest_version;
            next.content = draft.content.clone();
            next.version_by = by.to_owned();
            next.version_created = now;
            next.comment = draft.comment.clone();
        }
        next
    }

    /// The template after its default pointer has moved to another of its versions.
    pub fn turned_to(&self, version: Version, now: Millis) -> Self {
        Self {
            revision: self.revision + 1,
            version: version.number,
            content: version.content,
            version_by: version.created_by,
            version_created: version.created,
            comment: version.comment,
            updated: now,
            ..self.clone()
        }
    }

    /// The template after it was put into the archive or taken out of it.
    pub fn with_archived(&self, archived: bool, now: Millis) -> Self {
        Self { revision: self.revision + 1, archived, updated: now, ..self.clone() }
    }

    /// Whether a draft says the same: JSON values, the order of keys aside, under a name that counts as the same.
    pub fn says_the_same(&self, draft: &Draft) -> bool {
        Name::parse(&self.name).is_ok_and(|name| name.key() == draft.name.key())
            && self.described == draft.described
            && self.content == draft.content
    }
}

/// A checked body that wants to become a template or its next state.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The name.
    pub name: Name,
    /// What only describes.
    pub described: Document,
    /// What makes a version.
    pub content: Document,
    /// Who may see it, where the body says so.
    pub visibility: Visibility,
    /// Why it is made or changed; kept with the version that this makes, if it makes one.
    pub comment: Option<String>,
}

impl Draft {
    /// Takes a body of the published form, or answers everything that is wrong with it.
    pub fn parse(body: &Value) -> Result<Self, Vec<Fault>> {
        Self::parse_over(body, None)
    }

    /// Takes a body that is to replace a template: of our own fields, those left out keep their value.
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
            keep_ours(body, current, &mut document);
        }
        let Some(name) = name else {
            return Err(faults.into_vec());
        };
        let (content, described): (Document, Document) =
            document.into_iter().partition(|(key, _)| FIELDS.iter().any(|field| field.name == key && field.content));
        let word = described.get("visibility").and_then(Value::as_str);
        let visibility = word.and_then(Visibility::parse).unwrap_or(Visibility::Project);
        faults.or(Self { name, described, content, visibility, comment })
    }
}

fn keep_ours(body: &Map<String, Value>, current: &Template, document: &mut Document) {
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

/// The `name` of a body, with its fault where it is none.
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
