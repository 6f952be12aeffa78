//! `choice!`: an enum whose variants are published words, such as `Queued` or `nas-capacity`.
//!
//! The words are the wire form and the stored form of the variants, so a word never changes after its release.

/// Declares an enum and the published word of each variant. The enum gets the constant `WORDS` and the functions `parse`
/// and `as_str`; in JSON a variant is its word.
///
/// ```text
/// choice!(
///     /// The kind of a registered storage.
///     StorageType {
///         /// Large and slow.
///         Capacity = "nas-capacity",
///     }
/// );
/// ```
///
/// A crate that uses it depends on `serde`.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every word, in the published order.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The value that a published word names.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// The published word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}
pub(crate) use choice;
