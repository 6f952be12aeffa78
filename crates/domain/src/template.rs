//! A template: a named, versioned spec. What a body must be to become one, what an update makes of it, and what its
//! author may ask of requests (parameters, locks, required fields).

mod draft;
mod effective;
mod from_job;
mod request;
#[cfg(test)]
mod tests;
mod usage;

pub use draft::{Draft, parse_name};
pub use effective::{Base, Effective, Request, effective, not_said_yet};
pub use from_job::body_of_job;
pub use usage::{Usage, Use};

use serde_json::Value;

use crate::{access::Visibility, document::Document, id::TemplateId, job_spec::FIELDS, text::Name, time::Millis};

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

/// A name, what describes and what is content, in one document.
fn whole(name: &str, described: &Document, content: &Document) -> Document {
    let mut document = Document::new();
    document.insert("name".to_owned(), Value::from(name));
    document.extend(described.clone());
    document.extend(content.clone());
    document
}

/// The document that a job's request is merged over: a version's content and those of the template's descriptive fields
/// that a job carries too, its description and labels.
pub fn base_document(described: &Document, content: &Document) -> Document {
    let in_jobs = FIELDS.iter().filter(|field| !field.content && field.in_jobs);
    let described = in_jobs.filter_map(|field| described.get_key_value(field.name));
    described.chain(content).map(|(key, value)| (key.clone(), value.clone())).collect()
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
        whole(&self.name, &self.described, &self.content)
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
        self.has(&draft.name.key(), &draft.described, &draft.content)
    }

    /// The same between two templates, whoever's they are.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Name::parse(&other.name).is_ok_and(|name| self.has(&name.key(), &other.described, &other.content))
    }

    fn has(&self, name_key: &str, described: &Document, content: &Document) -> bool {
        Name::parse(&self.name).is_ok_and(|name| name.key() == name_key)
            && self.described == *described
            && self.content == *content
    }
}
