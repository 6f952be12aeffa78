//! The common parts of lists: pages, the scope that a caller may see, and the search in names.

use trainyard_domain::access::Visibility;
use unicode_normalization::UnicodeNormalization;

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The records on the page, in the list's order. A row that cannot be read is left out, and the log names it.
    pub records: Vec<T>,
    /// How many records the whole list has, unreadable ones included.
    pub total: u64,
}

impl<T> From<(u64, Vec<T>)> for Page<T> {
    fn from((total, records): (u64, Vec<T>)) -> Self {
        Self { records, total }
    }
}

/// The requested page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The number of the page, from 1.
    pub number: u32,
    /// The maximum number of records on a page.
    pub size: u32,
}

impl PageRequest {
    /// How many records stand before the page.
    pub(crate) fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)).saturating_mul(i64::from(self.size))
    }

    /// The maximum number of records on the page, as a value of a statement.
    pub(crate) fn limit(self) -> i64 {
        i64::from(self.size)
    }
}

/// The templates or jobs that a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The records of all projects.
    All,
    /// The records that a user of a project may see: the project's jobs; its templates (private ones only as their
    /// owner or as manager) and all public templates.
    Seen {
        /// The project of the user's key.
        project: String,
        /// The user of the key.
        user: String,
        /// Whether the user manages the project.
        manages: bool,
    },
}

impl Scope {
    /// Whether a template is in the scope; the template index asks the same of its own form of it.
    pub(crate) fn shows(&self, project: &str, owner: &str, visibility: Visibility) -> bool {
        match self {
            Self::All => true,
            Self::Seen { project: home, user, manages } => {
                is_seen(visibility, home == project, *manages || user == owner)
            }
        }
    }
}

/// Whether a caller sees a template: `at_home` in its project, and with the right to see `private` ones there.
pub(crate) fn is_seen(visibility: Visibility, at_home: bool, private: bool) -> bool {
    match visibility {
        Visibility::Public => true,
        Visibility::Project => at_home,
        Visibility::Private => at_home && private,
    }
}

/// The form in which jobs' names are searched: normal form C, with capital letters of ASCII as small ones.
pub(crate) fn folded(name: &str) -> String {
    name.nfc().map(|character| character.to_ascii_lowercase()).collect()
}
