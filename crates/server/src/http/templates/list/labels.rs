//! Reads the label filter of a list, such as `team=vision,stage`.

#[cfg(test)]
mod tests;

use trainyard_store::LabelFilter;

/// The maximum number of labels of a template, so a filter for more of them finds nothing.
const MAX_LABELS: usize = 64;

/// Parses `key=value` or `key`, separated by commas. After a backslash, `,`, `=` and `\\` are ordinary characters, and
/// a second `=` of a label is one too.
pub(super) fn parse(text: &str) -> Result<Vec<LabelFilter>, String> {
    let mut labels = Vec::new();
    let mut label = LabelFilter { key: String::new(), value: None };
    let mut characters = text.chars();
    loop {
        let character = characters.next();
        match character {
            None | Some(',') => {
                labels.push(with_key(std::mem::replace(&mut label, LabelFilter { key: String::new(), value: None }))?);
                if character.is_none() {
                    break;
                }
            }
            Some('=') if label.value.is_none() => label.value = Some(String::new()),
            Some('\\') => match characters.next() {
                Some(escaped @ (',' | '=' | '\\')) => push(&mut label, escaped),
                _ => return Err("a backslash must be followed by `,`, `=` or another backslash".to_owned()),
            },
            Some(other) => push(&mut label, other),
        }
    }
    if labels.len() > MAX_LABELS {
        return Err(format!("must name at most {MAX_LABELS} labels"));
    }
    Ok(labels)
}

fn push(label: &mut LabelFilter, character: char) {
    label.value.as_mut().unwrap_or(&mut label.key).push(character);
}

fn with_key(label: LabelFilter) -> Result<LabelFilter, String> {
    match label.key.is_empty() {
        true => Err("each label must be `key=value` or `key`, with a key that is not empty".to_owned()),
        false => Ok(label),
    }
}
