//! The kind of a field: the JSON type and the bounds of its values.
//!
//! `check` decides by the kind alone and matches every kind, so a field cannot be left unchecked.

use std::fmt;

use crate::text::{check_absolute_path, check_argument, check_free_text, check_image, check_inner_directory};

/// The values that a field, or a member of an object, accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// `true` or `false`.
    Switch,
    /// A whole number, only as a JSON number.
    Integer {
        /// The values allowed.
        bounds: Bounds,
        /// The switch that turns the field on. While it is not `true`, `bounds` do not apply: typed clients send 0 then.
        switch: Option<&'static str>,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text that keeps a rule.
    Text(TextRule),
    /// A decimal number from 0.001 with at most three places, as a JSON number or as text.
    Size {
        /// The largest number allowed.
        max: u32,
        /// The unit of the count, as messages name it.
        unit: &'static str,
    },
    /// A whole number, as a JSON number or as text.
    Count(Bounds),
    /// Any JSON number, or free text of at most so many characters.
    NumberOrText {
        /// The maximum number of characters of the text.
        max_chars: usize,
    },
    /// Environment variables by name: text, a number, a Boolean, or the name of a secret as an object.
    Variables,
    /// Labels: free text by name.
    Labels {
        /// The maximum number of labels.
        max_items: usize,
        /// The maximum number of characters of a label's name.
        max_name_chars: usize,
        /// The maximum number of characters of a label's text.
        max_chars: usize,
    },
    /// An object with these members; other members are kept as sent.
    Object(&'static [Member]),
    /// A list of mounts, each an object with these members and a mount path of its own; other members are kept as sent.
    Mounts {
        /// The maximum number of mounts.
        max_items: usize,
        /// The known members of a mount.
        members: &'static [Member],
    },
    /// A list of declared parameters; the rules of a declaration are in `parameter`.
    Parameters {
        /// The maximum number of parameters.
        max_items: usize,
    },
    /// A list of paths of fields.
    Paths {
        /// The maximum number of paths.
        max_items: usize,
    },
}

impl FieldKind {
    /// A whole number with fixed bounds.
    pub(super) const fn integer(bounds: Bounds) -> Self {
        Self::Integer { bounds, switch: None }
    }

    /// Free text of at most so many characters.
    pub(super) const fn text(max_chars: usize) -> Self {
        Self::Text(TextRule::Free { max_chars })
    }

    /// The known members of an object, or of each item of a list of objects; empty for all other kinds.
    pub fn members(self) -> &'static [Member] {
        match self {
            Self::Object(members) | Self::Mounts { members, .. } => members,
            Self::Switch
            | Self::Integer { .. }
            | Self::Choice(_)
            | Self::Text(_)
            | Self::Size { .. }
            | Self::Count(_)
            | Self::NumberOrText { .. }
            | Self::Variables
            | Self::Labels { .. }
            | Self::Parameters { .. }
            | Self::Paths { .. } => &[],
        }
    }

    /// Whether a value is always text, whatever else its characters could mean.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// A known member of an object in a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The published spelling.
    pub name: &'static str,
    /// The values that the member accepts.
    pub kind: FieldKind,
}

/// The rule that the text of a field keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextRule {
    /// Any script, at most so many characters, no NUL.
    Free {
        /// The maximum number of characters.
        max_chars: usize,
    },
    /// One argument or variable of a process: under 128 KiB, no NUL.
    Argument,
    /// The name of a container image.
    Image,
    /// An absolute path in a worker's file system.
    AbsolutePath,
    /// A directory inside a storage.
    InnerDirectory,
}

impl TextRule {
    /// Checks a text; the error is the rule that it breaks.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Free { max_chars } => check_free_text(text, max_chars),
            Self::Argument => check_argument(text).map_err(str::to_owned),
            Self::Image => check_image(text).map_err(str::to_owned),
            Self::AbsolutePath => check_absolute_path(text).map_err(str::to_owned),
            Self::InnerDirectory => check_inner_directory(text),
        }
    }
}

/// Whole numbers from `min` to `max`, both included; shown as `from 1 to 3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest number.
    pub min: i64,
    /// The largest number.
    pub max: i64,
}

impl Bounds {
    /// The largest whole number that every JSON reader keeps exactly (2^53 - 1).
    pub(super) const MAX_EXACT: i64 = 9_007_199_254_740_991;
    /// All whole numbers that every JSON reader keeps exactly.
    pub(super) const EXACT: Self = Self { min: -Self::MAX_EXACT, max: Self::MAX_EXACT };

    /// Whether a number is within the bounds.
    pub fn contains(self, number: impl TryInto<i64>) -> bool {
        number.try_into().is_ok_and(|number| (self.min..=self.max).contains(&number))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", self.min, self.max)
    }
}
