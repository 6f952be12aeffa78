//! Identifiers: a prefix that names the kind, and twenty hexadecimal digits that are unique.
//!
//! Invariant: every value prints as text that parses back to the same value.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::hex;

/// The number of bytes in an identifier.
pub const ID_BYTES: usize = 10;

/// The text is not an identifier of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `{prefix}` followed by 20 hexadecimal digits")]
pub struct BadId {
    prefix: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Creates an identifier from random bytes; the same bytes give the same identifier.
            pub fn from_random(bytes: [u8; ID_BYTES]) -> Self {
                Self(with_prefix($prefix, bytes))
            }

            /// The bytes of [`Self::from_random`]: a short form with the same order as the text.
            pub fn bytes(&self) -> [u8; ID_BYTES] {
                bytes_of($prefix, &self.0).unwrap_or_default()
            }

            /// The text form, as in URLs and responses.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                if bytes_of($prefix, text).is_some() { Ok(Self(text.to_owned())) } else { Err(BadId { prefix: $prefix }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// Names one template. The id of a deleted template is never used again.
    TemplateId, "tpl_"
);
identifier!(
    /// Names one job. The id of a deleted job is never used again.
    JobId, "job_"
);
identifier!(
    /// Names one API key. The id is public; the text of the key is secret.
    KeyId, "key_"
);

identifier!(
    /// Names a storage that was added without an id.
    StorageId, "sto_"
);

/// The number of a compute centre, chosen in the configuration (wire: `aidcId`); 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CentreId(pub i64);

impl fmt::Display for CentreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn with_prefix(prefix: &str, bytes: [u8; ID_BYTES]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * ID_BYTES);
    text.push_str(prefix);
    hex::push(&mut text, &bytes);
    text
}

fn bytes_of(prefix: &str, text: &str) -> Option<[u8; ID_BYTES]> {
    hex::decode(text.strip_prefix(prefix)?)
}
