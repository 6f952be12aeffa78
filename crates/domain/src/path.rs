//! Paths of a spec document, as faults, locks, provenance and changes show them.
//!
//! Examples: `resource.gpuCount`, `env["a.b"]`. A mount is `storageConfigs[0]` in a fault of the body that contains it,
//! and `storageConfigs["/data"]`, by its mount path, everywhere else.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::text::mount_key;

/// The path of a member: a plain key follows a dot, any other key is quoted in brackets.
pub fn member(base: &str, key: &str) -> String {
    match (is_plain(key), base.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => [base, ".", key].concat(),
        (false, _) => keyed(base, key),
    }
}

/// The path of a list item by its index, from 0.
pub fn item(base: &str, index: usize) -> String {
    format!("{base}[{index}]")
}

/// The path of an item by a key, quoted as JSON text.
pub fn keyed(base: &str, key: &str) -> String {
    format!("{base}[{}]", Value::from(key))
}

/// The path of an item of `storageConfigs`, by its mount path in the form of [`mount_key`].
pub fn mount(item: &Map<String, Value>) -> String {
    let at = item.get("mountPath").and_then(Value::as_str);
    keyed("storageConfigs", &at.map(mount_key).unwrap_or_default())
}

/// The canonical spelling of a path: keys quoted as [`member`] quotes them, mount paths in the form of [`mount_key`].
///
/// `None` if the text is not a path, or names a mount by its index, which another list would give to another mount.
pub fn canonical(text: &str) -> Option<String> {
    let mut keys = Vec::new();
    let mut rest = text;
    while !rest.is_empty() || keys.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut texts = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            keys.push(texts.next()?.ok()?);
            rest = quoted.get(texts.byte_offset()..)?.strip_prefix(']')?;
        } else {
            let plain = if keys.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (key, after) = plain.split_at(end);
            if key.is_empty() {
                return None;
            }
            keys.push(key.to_owned());
            rest = after;
        }
    }
    if let [root, mount, ..] = keys.as_mut_slice()
        && root == "storageConfigs"
    {
        *mount = mount_key(mount);
    }
    Some(keys.iter().fold(String::new(), |base, key| member(&base, key)))
}

/// Whether `path` is `prefix` or a path below it.
pub fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The top-level field at the start of a path.
pub fn root(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
