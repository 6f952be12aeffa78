//! Paths of a spec document, as people read them in faults, locks, provenance and changes.
//!
//! `resource.gpuCount`, `env["a.b"]`, `storageConfigs[0].mountPath` in a body, `storageConfigs["/data"]` elsewhere.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::text::mount_key;

/// The path of a member: plain keys by a dot, odd ones quoted.
pub fn member(base: &str, key: &str) -> String {
    match (is_plain(key), base.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => [base, ".", key].concat(),
        (false, _) => keyed(base, key),
    }
}

/// The path of a list's item by its place, from 0.
pub fn place(base: &str, index: usize) -> String {
    format!("{base}[{index}]")
}

/// The path of an item by its own key, quoted as JSON text.
pub fn keyed(base: &str, key: &str) -> String {
    format!("{base}[{}]", Value::from(key))
}

/// The path of an item of `storageConfigs`, by the mount path as it is compared.
pub fn mount(item: &Map<String, Value>) -> String {
    let at = item.get("mountPath").and_then(Value::as_str);
    keyed("storageConfigs", &at.map(mount_key).unwrap_or_default())
}

/// The one spelling of a path that a person wrote, with keys quoted as [`member`] quotes them and mounts named as they
/// are compared; `None` where the text is no path, or names a mount by its place, which says nothing in another list.
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

/// Whether `path` is `prefix` itself or lies below it.
pub fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The top-level field that a path begins with.
pub fn root(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
