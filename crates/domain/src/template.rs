//! Templates: named, versioned specs. Creation, updates, and the rules that an author sets for requests.
//!
//! A version never changes. An update with other content creates the next version, which becomes the default.

mod effective_spec;
mod from_job;
mod input;
mod request;
#[cfg(test)]
mod tests;
mod usage;

pub use effective_spec::{Base, EffectiveSpec, Request, effective_spec, not_reported_yet};
pub use from_job::body_of_job;
pub use input::{TemplateInput, parse_name};
pub use usage::{Usage, Use};

use serde_json::Value;

use crate::{access::Visibility, document::Document, id::TemplateId, job_spec::FIELDS, text::Name, time::WallTime};

/// The current state of a template, with the content of its default version.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The id, `tpl_` and 20 hexadecimal digits.
    pub id: TemplateId,
    /// The project that the template belongs to.
    pub project: String,
    /// The owner: the user name of the creator.
    pub owner: String,
    /// The name, unique in the project.
    pub name: String,
    /// Which users may see the template.
    pub visibility: Visibility,
    /// Counts all changes, from 1; an update names it in `If-Match`.
    pub revision: i64,
    /// The default version, from 1, which a job gets unless its request names another.
    pub version: u32,
    /// The highest version; the next change of content creates the one after it.
    pub latest_version: u32,
    /// Whether lists omit the template unless they ask for archived ones; its id still works.
    pub archived: bool,
    /// The fields that create no version: `desc`, `labels`, `visibility`, as sent.
    pub described: Document,
    /// The content of the default version: all other fields, as sent.
    pub content: Document,
    /// The creator of the default version.
    pub version_by: String,
    /// When the default version was created.
    pub version_created: WallTime,
    /// The reason that the user gave for the default version.
    pub comment: Option<String>,
    /// When the template was created.
    pub created: WallTime,
    /// When the template last changed.
    pub updated: WallTime,
    /// How many jobs were created from the template, including deleted ones.
    pub jobs_made: u64,
    /// When the last of these jobs was created.
    pub last_used: Option<WallTime>,
}

/// Name, descriptive fields and content in one document.
fn in_one_document(name: &str, described: &Document, content: &Document) -> Document {
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
    /// The number of the version, from 1.
    pub number: u32,
    /// The creator of the version.
    pub created_by: String,
    /// When the version was created.
    pub created: WallTime,
    /// The reason that the user gave.
    pub comment: Option<String>,
    /// The fields that create versions, as sent.
    pub content: Document,
}

impl Template {
    /// All fields as sent, in one document.
    pub fn document(&self) -> Document {
        in_one_document(&self.name, &self.described, &self.content)
    }

    /// The default version with its content.
    pub fn default_version(&self) -> Version {
        Version {
            number: self.version,
            created_by: self.version_by.clone(),
            created: self.version_created,
            comment: self.comment.clone(),
            content: self.content.clone(),
        }
    }

    /// The template after an update. Other content creates the version after the latest, which becomes the default.
    pub fn after_update(&self, input: &TemplateInput, by: &str, now: WallTime) -> Self {
        let mut next = Self {
            name: input.name.as_str().to_owned(),
            visibility: input.visibility,
            revision: self.revision + 1,
            described: input.described.clone(),
            updated: now,
            ..self.clone()
        };
        if self.content != input.content {
            next.latest_version = self.latest_version + 1;
            next.version = next.latest_version;
            next.content = input.content.clone();
            next.version_by = by.to_owned();
            next.version_created = now;
            next.comment = input.comment.clone();
        }
        next
    }

    /// The template after another of its versions has become the default.
    pub fn with_default_version(&self, version: Version, now: WallTime) -> Self {
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

    /// The template after it was archived or unarchived.
    pub fn with_archived(&self, archived: bool, now: WallTime) -> Self {
        Self { revision: self.revision + 1, archived, updated: now, ..self.clone() }
    }

    /// Whether an input has the same name and equal JSON values; the order of keys does not matter.
    pub fn matches_input(&self, input: &TemplateInput) -> bool {
        self.has(&input.name.key(), &input.described, &input.content)
    }

    /// Whether another template has the same name and equal JSON values; owner and project do not matter.
    pub fn matches(&self, other: &Self) -> bool {
        Name::parse(&other.name).is_ok_and(|name| self.has(&name.key(), &other.described, &other.content))
    }

    fn has(&self, name_key: &str, described: &Document, content: &Document) -> bool {
        Name::parse(&self.name).is_ok_and(|name| name.key() == name_key)
            && self.described == *described
            && self.content == *content
    }
}
