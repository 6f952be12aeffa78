//! Checked strings: a value of these types keeps its rule, so nothing behind it checks again.
//!
//! Each `parse` answers the rule that was broken, worded for the person who typed the text.

#[cfg(test)]
mod tests;

use unicode_normalization::UnicodeNormalization;

/// The most characters in the name of a template or job.
pub const NAME_MAX_CHARS: usize = 128;
/// The most characters in a description.
pub const DESC_MAX_CHARS: usize = 4096;
/// The most bytes in the name of a container image.
pub const IMAGE_MAX_BYTES: usize = 1024;
/// An absolute path has fewer bytes than this.
pub const PATH_BYTES: usize = 4096;
/// The kernel takes no single argument or variable of this many bytes or more (`MAX_ARG_STRLEN`).
pub const KERNEL_TEXT_BYTES: usize = 128 * 1024;

/// The name of a template or job: kept as typed, compared in Unicode normal form C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes 1 to 128 characters of any script without control characters and without spaces at the ends.
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

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which names are compared for uniqueness.
    pub fn key(&self) -> String {
        self.0.nfc().collect()
    }
}

/// The short name of a user, a project or a key: what stands in tables and paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortName(String);

impl ShortName {
    /// Takes 1 to 64 letters, digits, `.`, `_`, `-`, `@` of ASCII, beginning with a letter or digit.
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

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks text for a field where any script goes: at most so many characters, no NUL.
pub fn check_free_text(text: &str, most_chars: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err("must not contain a NUL character".to_owned());
    }
    if text.len() > most_chars && text.chars().count() > most_chars {
        return Err(format!("must have at most {most_chars} characters"));
    }
    Ok(())
}

/// Checks text that the kernel must take as one argument or variable.
pub fn check_kernel_text(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') {
        Err("must not contain a NUL character")
    } else if text.len() >= KERNEL_TEXT_BYTES {
        Err("must be under 128 KiB: the operating system takes no more")
    } else {
        Ok(())
    }
}

/// Checks a variable as the kernel takes it: its name, `=` and its text are one argument.
pub fn check_variable(name: &str, text: &str) -> Result<(), &'static str> {
    check_kernel_text(text)?;
    if name.len() + 1 + text.len() >= KERNEL_TEXT_BYTES {
        return Err("must be under 128 KiB with its name: the operating system takes no more");
    }
    Ok(())
}

/// Checks the name of an environment variable.
pub fn check_env_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("the name of a variable must not be empty")
    } else if name.contains(['=', '\0']) {
        Err("the name of a variable must not contain `=` or a NUL character")
    } else {
        Ok(())
    }
}

/// Checks an absolute path inside the job's world: no NUL, no `..`, under 4,096 bytes.
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

/// Checks the name of a container image; at most [`IMAGE_MAX_BYTES`].
pub fn check_image(image: &str) -> Result<(), &'static str> {
    let fits = image.len() <= IMAGE_MAX_BYTES && !image.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits { Ok(()) } else { Err("must have at most 1,024 bytes and no spaces") }
}

/// Checks a directory inside a storage: no NUL, no `..` that would lead out of it.
pub fn check_inner_directory(path: &str) -> Result<(), String> {
    check_free_text(path, PATH_BYTES)?;
    if path.split('/').any(|part| part == "..") {
        return Err("must not contain `..`: it names a directory inside the storage".to_owned());
    }
    Ok(())
}

/// A mount path as it is compared: without slashes at its end, doubled ones, or parts that are only `.`.
pub fn mount_key(path: &str) -> String {
    let mut key = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        key.push('/');
        key.push_str(part);
    }
    if key.is_empty() { "/".to_owned() } else { key }
}

/// A caller's own words as far as they fit into a sentence that answers them.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A number with its noun, as people write it: `1 worker`, `2 workers`.
pub fn counted(number: impl Into<u64>, noun: &str) -> String {
    match number.into() {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
