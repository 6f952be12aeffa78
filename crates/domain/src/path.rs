//! Paths of a spec document, as people read them in faults, locks, provenance and changes.
//!
//! `resource.gpuCount`, `env["a.b"]`, `storageConfigs[0].mountPath` in a body, `storageConfigs["/data"]` elsewhere.

/// The path of a member: plain keys by a dot, odd ones quoted.
pub fn member(base: &str, key: &str) -> String {
    match (is_plain(key), base.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{base}.{key}"),
        (false, _) => keyed(base, key),
    }
}

/// The path of a list's item by its place, from 0.
pub fn place(base: &str, index: usize) -> String {
    format!("{base}[{index}]")
}

/// The path of an item by its own key, quoted as JSON text.
pub fn keyed(base: &str, key: &str) -> String {
    format!("{base}[{}]", serde_json::Value::from(key))
}

/// Whether `path` is `prefix` itself or lies below it.
pub fn is_within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The top-level field that a path begins with.
pub fn root(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
