//! Rules for text: names, descriptions, paths, and what the kernel accepts as an argument.
//!
//! A value of [`Name`] or [`ShortName`] always keeps its rule. Every error is the broken rule as a message for users.

#[cfg(test)]
mod tests;

use unicode_normalization::UnicodeNormalization;

/// The maximum number of characters in the name of a template or job.
pub const NAME_MAX_CHARS: usize = 128;
/// The maximum number of characters in a description.
pub const DESC_MAX_CHARS: usize = 4096;
/// The maximum number of bytes in the name of a container image.
pub const IMAGE_MAX_BYTES: usize = 1024;
/// An absolute path has fewer bytes than this.
pub const PATH_BYTES: usize = 4096;
/// The kernel refuses a single argument or variable of this many bytes or more (`MAX_ARG_STRLEN`).
pub const ARGUMENT_BYTES: usize = 128 * 1024;

/// The name of a template or job: kept as sent, compared in Unicode normal form C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Accepts 1 to 128 characters of any script, without control characters and without spaces at the ends.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let length = text.nfc().take(NAME_MAX_CHARS + 1).count();
        if length == 0 || length > NAME_MAX_CHARS {
            return Err("must have 1 to 128 characters");
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain control characters such as tabs or line breaks");
        }
        if text.trim() != text {
            return Err("must not begin or end with a space");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared: Unicode normal form C.
    pub fn key(&self) -> String {
        self.0.nfc().collect()
    }
}

/// The name of a user, a project or a key, which can appear in tables and paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortName(String);

impl ShortName {
    /// Accepts 1 to 64 ASCII letters, digits, `.`, `_`, `-` or `@`; the first is a letter or digit.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 1 to 64 letters, digits, `.`, `_`, `-` or `@`, and begin with a letter or digit")
        }
    }

    /// The name as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks text of any script: at most `most_chars` characters, no NUL.
pub fn check_free_text(text: &str, most_chars: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not contain a NUL character".to_owned());
    }
    if text.len() > most_chars && text.chars().count() > most_chars {
        return Err(format!("must have at most {most_chars} characters"));
    }
    Ok(())
}

/// Checks text that a process gets as one argument or variable: under 128 KiB, no NUL.
pub fn check_argument(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') {
        Err("must not contain a NUL character")
    } else if text.len() >= ARGUMENT_BYTES {
        Err("must be under 128 KiB, the limit of the operating system")
    } else {
        Ok(())
    }
}

/// Checks an environment variable. The kernel limits the length of name, `=` and text together.
pub fn check_variable(name: &str, text: &str) -> Result<(), &'static str> {
    check_argument(text)?;
    if name.len() + 1 + text.len() >= ARGUMENT_BYTES {
        return Err("must be under 128 KiB together with its name, the limit of the operating system");
    }
    Ok(())
}

/// Checks the name of an environment variable: not empty, no `=`, no NUL.
pub fn check_env_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("the name of a variable must not be empty")
    } else if name.contains(['=', '\0']) {
        Err("the name of a variable must not contain `=` or a NUL character")
    } else {
        Ok(())
    }
}

/// Checks an absolute path in a worker's file system: no control characters, no `..`, under 4,096 bytes.
pub fn check_absolute_path(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        Err("must be an absolute path, beginning with `/`")
    } else if path.contains('\0') || path.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else if path.split('/').any(|part| part == "..") {
        Err("must not contain `..`")
    } else if path.len() >= PATH_BYTES {
        Err("must be under 4,096 bytes")
    } else {
        Ok(())
    }
}

/// Checks the name of a container image: at most 1,024 bytes, no white space or control characters.
pub fn check_image(image: &str) -> Result<(), &'static str> {
    let fits = image.len() <= IMAGE_MAX_BYTES && !image.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(()) } else { Err("must have at most 1,024 bytes and no white space or control characters") }
}

/// Checks a directory inside a storage: no NUL, no `..`, which could lead out of the storage.
pub fn check_inner_directory(path: &str) -> Result<(), String> {
    check_free_text(path, PATH_BYTES)?;
    if path.split('/').any(|part| part == "..") {
        return Err("must not contain `..`, which could lead out of the storage".to_owned());
    }
    Ok(())
}

/// The form in which mount paths are compared: no slash at the end, no doubled slashes, no `.` parts.
pub fn mount_key(path: &str) -> String {
    let mut key = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        key.push('/');
        key.push_str(part);
    }
    if key.is_empty() { "/".to_owned() } else { key }
}

/// Text of a caller, cut to 100 characters, so that a message can quote it.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A number with its noun, such as `1 worker` or `2 workers`.
pub fn counted(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
