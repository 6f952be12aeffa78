//! What a storage that is added to a centre must be like, as far as its path alone tells.

#[cfg(test)]
mod tests;

use crate::text::mount_key;

/// Below these are no files, or those without which nothing runs.
const NEVER: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// These themselves; directories below them may be storages.
const SYSTEM: [&str; 8] = ["/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/var"];

/// The path of a storage, without slashes at its end; `data_dir` is where the server keeps its own files.
///
/// # Errors
/// Which rule it breaks, for people. A storage is hidden from jobs that do not mount it, hence the rules.
pub fn parse_storage_path(text: &str, data_dir: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("must be absolute, such as /data/nas".to_owned());
    }
    if text.contains('\0') || text.len() >= 4096 {
        return Err("must be under 4,096 bytes, without a NUL character".to_owned());
    }
    if text.split('/').any(|part| part == "..") {
        return Err("must not contain `..`".to_owned());
    }
    let path = mount_key(text);
    let below = |dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let data_dir = mount_key(data_dir);
    if path == "/" {
        return Err("must not be `/`, the whole host".to_owned());
    }
    if let Some(dir) = NEVER.into_iter().find(|dir| below(dir)) {
        return Err(format!("must not lie in {dir}, where the system keeps its own"));
    }
    if SYSTEM.contains(&path.as_str()) {
        return Err("must not be a directory of the system, which every job needs".to_owned());
    }
    if below(&data_dir) || data_dir.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')) {
        return Err("must lie apart from the server's data directory, neither in it nor around it".to_owned());
    }
    Ok(path)
}
