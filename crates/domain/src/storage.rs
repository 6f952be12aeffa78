//! The rules for the path of a storage that is added to a centre. The engine checks whether the path exists.

#[cfg(test)]
mod tests;

use crate::text::mount_key;

/// Directories without files of users, or with files that every process needs. No storage may be in them.
const NEVER: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// Directories that must not be storages themselves; directories below them may.
const SYSTEM: [&str; 8] = ["/bin", "/boot", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/var"];

/// Checks the path of a storage and returns it without slashes at its end. `data_dir` is the server's data directory.
///
/// # Errors
/// The rule that the path breaks, for users. The rules exist because a storage is hidden from jobs that do not mount it.
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
        return Err(format!("must not be in {dir}, which belongs to the system"));
    }
    if SYSTEM.contains(&path.as_str()) {
        return Err("must not be a system directory, which every job needs".to_owned());
    }
    if below(&data_dir) || data_dir.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')) {
        return Err("must neither contain the server's data directory nor be inside it".to_owned());
    }
    Ok(path)
}
