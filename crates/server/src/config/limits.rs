//! The `[limits]` table: bounds on what callers can make the server hold or do at once.
//!
//! Each limit is one line of the macro below. A message that refuses a call names its key.

use serde::Deserialize;

/// Declares the limits: key, default and meaning.
macro_rules! limits {
    ($($(#[doc = $meaning:literal])+ $key:ident = $default:literal;)+) => {
        /// The limits of a configuration; every limit is 1 or more.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $meaning])+ pub $key: u32,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl Limits {
            /// The keys, in the order of the documentation.
            pub const KEYS: &[&str] = &[$(stringify!($key)),+];

            /// The limit with this key.
            pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut u32> {
                match key {
                    $(stringify!($key) => Some(&mut self.$key),)+
                    _ => None,
                }
            }

            /// All limits with their keys.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> {
                [$((stringify!($key), self.$key)),+].into_iter()
            }
        }
    };
}

limits! {
    /// Open connections from the network.
    connections = 4096;
    /// Open connections from one address.
    connections_per_address = 2048;
    /// Open connections over Unix sockets.
    local_connections = 512;
    /// Open connections of one account over Unix sockets.
    local_connections_per_account = 256;
}

/// Checks all limits. The error is the key and the rule that it breaks.
pub(super) fn check(limits: &Limits) -> Result<(), String> {
    match limits.iter().find(|(_, limit)| *limit == 0) {
        Some((key, _)) => Err(format!("{key} must be 1 or more")),
        None => Ok(()),
    }
}
