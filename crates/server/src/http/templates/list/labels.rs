//! Reads the labels that a list asks for: `team=vision,stage`.

#[cfg(test)]
mod tests;

use trainyard_store::LabelFilter;

/// A template has no more labels than so many.
const MOST: usize = 64;

/// Takes `key=value` or `key`, parted by commas; behind a backslash `,`, `=` and `\\` are ordinary characters, and a
/// second `=` is one anyhow.
pub(super) fn parse(text: &str) -> Result<Vec<LabelFilter>, String> {
    let mut labels = Vec::new();
    let mut label = LabelFilter { key: String::new(), value: None };
    let mut characters = text.chars();
    loop {
        let character = characters.next();
        match character {
            None | Some(',') => {
                labels.push(finished(std::mem::replace(&mut label, LabelFilter { key: String::new(), value: None }))?);
                if character.is_none() {
                    break;
                }
            }
            Some('=') if label.value.is_none() => label.value = Some(String::new()),
            Some('\\') => match characters.next() {
                Some(escaped @ (',' | '=' | '\\')) => push(&mut label, escaped),
                _ => return Err("a backslash must stand before `,`, `=` or another backslash".to_owned()),
            },
            Some(other) => push(&mut label, other),
        }
    }
    if labels.len() > MOST {
        return Err(format!("must name at most {MOST} labels"));
    }
    Ok(labels)
}

fn push(label: &mut LabelFilter, character: char) {
    label.value.as_mut().unwrap_or(&mut label.key).push(character);
}

fn finished(label: LabelFilter) -> Result<LabelFilter, String> {
    match label.key.is_empty() {
        true => Err("each label must be `key=value` or `key`, and none of the keys is empty".to_owned()),
        false => Ok(label),
    }
}
