//! The texts of a template in the forms in which they are searched and compared.

#[cfg(test)]
mod tests;

use trainyard_domain::document::Document;
use unicode_normalization::UnicodeNormalization;

use super::column::END;

/// Stands between a label's name and its value. No text contains it, as none contains [`END`].
const VALUE: u8 = 0xfe;

/// The texts of a template, ready for searches.
pub(crate) struct Text {
    /// The name, folded.
    pub(super) name: Vec<u8>,
    /// The description and the labels' names and values, folded.
    pub(super) rest: Vec<u8>,
    /// The labels, in which a search finds a [`label_pattern`].
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

/// The bytes by which the labels of a template contain this label; without a value, the label with any value.
pub(super) fn label_pattern(key: &str, value: Option<&str>) -> Vec<u8> {
    let mut pattern = Vec::new();
    push_labels(&mut pattern, [(key, value.unwrap_or_default())].into_iter(), composed);
    pattern.extend(value.map(|_| END));
    pattern
}

/// Writes labels so that an [`END`] stands before each; the last one ends with the text, in an [`END`] too.
fn push_labels<'a>(bytes: &mut Vec<u8>, labels: impl Iterator<Item = (&'a str, &'a str)>, form: fn(&str) -> String) {
    for (key, value) in labels {
        bytes.push(END);
        bytes.extend(form(key).into_bytes());
        bytes.push(VALUE);
        bytes.extend(form(value).into_bytes());
    }
}

/// The form that is searched: normal form KC with small letters. The input methods of Chinese and Japanese write letters,
/// digits and brackets in full width, and the searching user cannot know which form was typed. A letter's small form
/// depends on no other letter, so a part of a text stays a part of it.
pub(super) fn folded(text: &str) -> String {
    if is_plain(text) {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

/// The form that is compared: normal form C.
pub(super) fn composed(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { text.nfc().collect() }
}

/// Whether a text has only ASCII and the usual ideographs, which have no other form. Nearly all texts are like that, and
/// this check takes a tenth of the time of the conversion.
fn is_plain(text: &str) -> bool {
    text.chars().all(|character| matches!(character, '\0'..='\x7f' | '\u{4e00}'..='\u{9fff}'))
}
