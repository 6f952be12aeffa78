//! Secrets: named texts that workers get as environment variables, and that no response, record or log shows.
//!
//! A spec names a secret as `{"secret": "NAME"}` in place of the value of a variable. The text itself never becomes a part
//! of a document: the server looks the name up when an attempt starts.

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{choice::choice, document::Document, fault::FaultCode, text::ShortName};

/// The most bytes of a secret's text. With the longest name of a variable it still fits into one variable.
pub const SECRET_MAX_BYTES: usize = 64 * 1024;

/// The only member of a reference.
const MEMBER: &str = "secret";

choice!(
    /// The jobs that can use a secret.
    SecretScope {
        /// Every job of the project.
        Project = "project",
        /// The jobs of one user in the project.
        Personal = "personal",
    }
);

/// The text of a secret. `Debug` prints stars, and the memory is overwritten when the value is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Accepts 1 byte to 64 KiB of text that can be the value of a variable. The error is the broken rule, without the text.
    pub fn parse(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            Err("must not be empty")
        } else if text.len() > SECRET_MAX_BYTES {
            Err("must have at most 64 KiB")
        } else if text.contains('\0') {
            Err("must not contain a NUL character")
        } else {
            Ok(Self(text))
        }
    }

    /// The secret text, for its encryption and for the environment of workers.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The name that a reference names; `None` for any value that is no reference.
pub fn reference(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let name = members.get(MEMBER)?.as_str()?;
    ShortName::parse(name).is_ok().then_some(name)
}

/// The values that a variable takes, as faults list them.
pub(crate) const VALUES: &str = "text, a number, a Boolean, or the name of a secret as {\"secret\": \"NAME\"}";

/// Checks an object that stands in place of a variable's value. The error is the rule that it breaks.
pub(crate) fn check_reference(members: &Map<String, Value>) -> Result<(), (FaultCode, String)> {
    match members.get(MEMBER) {
        Some(Value::String(name)) if members.len() == 1 => match ShortName::parse(name) {
            Ok(_) => Ok(()),
            Err(rule) => Err((FaultCode::Malformed, format!("the name of a secret {rule}"))),
        },
        _ => Err((FaultCode::WrongType, format!("must be {VALUES}"))),
    }
}

/// The variables of a document that get their value from a secret: the name of the variable, and that of the secret.
pub fn references(document: &Document) -> impl Iterator<Item = (&str, &str)> {
    let env = document.get("env").and_then(Value::as_object);
    env.into_iter().flatten().filter_map(|(variable, value)| Some((variable.as_str(), reference(value)?)))
}

/// Whether the name of a variable says that its value is a secret, such as `HF_TOKEN` or `WANDB_API_KEY`.
pub fn is_secret_name(variable: &str) -> bool {
    let name = variable.to_ascii_uppercase();
    let has_end = |end: &str| name.strip_suffix(end).is_some_and(|start| start.is_empty() || start.ends_with('_'));
    ["TOKEN", "KEY", "APIKEY"].into_iter().any(has_end)
        || ["PASSWORD", "PASSWD", "SECRET"].into_iter().any(|word| name.contains(word))
}
