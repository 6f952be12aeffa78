//! One template in the template index: what lists filter by, order by and search in, and its texts.

use trainyard_domain::{
    access::Visibility,
    document::Document,
    id::{ID_BYTES, TemplateId},
    time::Millis,
};

use super::{
    column::END,
    fold::{composed, folded},
    words::{Word, Words},
};

/// An id in its short form.
pub(crate) type Id = [u8; ID_BYTES];

/// What the template index is told of a template.
pub(crate) struct Listing {
    pub(crate) id: Id,
    pub(crate) project: String,
    pub(crate) owner: String,
    pub(crate) visibility: Visibility,
    pub(crate) archived: bool,
    pub(crate) centre: Option<i64>,
    pub(crate) training_type: Option<String>,
    pub(crate) framework: Option<String>,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    pub(crate) jobs_made: u64,
    pub(crate) last_used: Option<Millis>,
    pub(crate) text: Text,
}

/// A template as the template index keeps it.
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) visibility: Visibility,
    pub(super) archived: bool,
    pub(super) project: Word,
    pub(super) owner: Word,
    pub(super) training_type: Option<Word>,
    pub(super) framework: Option<Word>,
    pub(super) centre: Option<i64>,
    pub(super) created: Millis,
    pub(super) updated: Millis,
    pub(super) jobs_made: u64,
    pub(super) last_used: Option<Millis>,
}

impl Entry {
    pub(super) fn new(listing: &Listing, words: &mut Words) -> Self {
        Self {
            id: listing.id,
            visibility: listing.visibility,
            archived: listing.archived,
            project: words.keep(&listing.project),
            owner: words.keep(&listing.owner),
            training_type: listing.training_type.as_deref().map(|word| words.keep(word)),
            framework: listing.framework.as_deref().map(|word| words.keep(word)),
            centre: listing.centre,
            created: listing.created,
            updated: listing.updated,
            jobs_made: listing.jobs_made,
            last_used: listing.last_used,
        }
    }

    pub(super) fn template_id(&self) -> TemplateId {
        TemplateId::from_random(self.id)
    }
}

/// Stands between a label's name and its value. No text holds it, as none holds [`END`].
const VALUE: u8 = 0xfe;

/// The texts of a template, ready to be searched.
pub(crate) struct Text {
    /// The name, folded.
    pub(super) name: Vec<u8>,
    /// The description and the labels' names and values, folded.
    pub(super) rest: Vec<u8>,
    /// The labels, in which [`label_pattern`] is found.
    pub(super) labels: Vec<u8>,
}

impl Text {
    pub(crate) fn new(name: &str, described: &Document) -> Self {
        let labels = described.get("labels").and_then(|value| value.as_object());
        let labels = || labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        let mut rest = Vec::new();
        if let Some(description) = described.get("desc").and_then(|value| value.as_str()) {
            rest.extend(folded(description).into_bytes());
        }
        push_labels(&mut rest, labels(), folded);
        let mut exact = Vec::new();
        push_labels(&mut exact, labels(), composed);
        Self { name: folded(name).into_bytes(), rest, labels: exact }
    }
}

/// What stands in the labels of a template that has this one, whatever its value where none is given.
pub(super) fn label_pattern(key: &str, value: Option<&str>) -> Vec<u8> {
    let mut pattern = Vec::new();
    push_labels(&mut pattern, [(key, value.unwrap_or_default())].into_iter(), composed);
    pattern.extend(value.map(|_| END));
    pattern
}

/// Writes labels so that each stands behind an [`END`]; the last one ends where the text does, in an [`END`] too.
fn push_labels<'a>(bytes: &mut Vec<u8>, labels: impl Iterator<Item = (&'a str, &'a str)>, form: fn(&str) -> String) {
    for (key, value) in labels {
        bytes.push(END);
        bytes.extend(form(key).into_bytes());
        bytes.push(VALUE);
        bytes.extend(form(value).into_bytes());
    }
}
