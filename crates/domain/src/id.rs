//! Identifiers: a prefix that says what it names and twenty hexadecimal digits that nothing else has.
//!
//! Invariant: a value of these types always prints as text that parses back to the same value.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::hex;

/// How many bytes an identifier is made from.
pub const ID_BYTES: usize = 10;

/// The text is no identifier of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id here is `{prefix}` followed by 20 hexadecimal digits")]
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
            /// Makes the identifier from bytes of chance; the same bytes make the same identifier.
            pub fn from_random(bytes: [u8; ID_BYTES]) -> Self {
                Self(with_prefix($prefix, bytes))
            }

            /// The bytes that [`Self::from_random`] makes it from: a short form that is ordered like the text.
            pub fn bytes(&self) -> [u8; ID_BYTES] {
                bytes_of($prefix, &self.0).unwrap_or_default()
            }

            /// The text, as it stands in addresses and answers.
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
    /// Names one template for ever; a deleted one is never used again.
    TemplateId, "tpl_"
);
identifier!(
    /// Names one job for ever.
    JobId, "job_"
);
identifier!(
    /// Names one API key; it is no secret, the key's text is.
    KeyId, "key_"
);

identifier!(
    /// Names a storage that was added without an id of its own.
    StorageId, "sto_"
);

/// A compute centre's number, chosen by whoever writes the configuration (wire: `aidcId`); 1 or more.
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
