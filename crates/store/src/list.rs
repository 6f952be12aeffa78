//! What all lists share: pages, whose records are seen, and the search in names.

use sqlx::{QueryBuilder, Sqlite};
use trainyard_domain::{access::Visibility, text::NAME_MAX_CHARS};
use unicode_normalization::UnicodeNormalization;

use crate::{
    Store, StoreError, db,
    rows::{Fields, Row},
};

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The records on it, in the list's order.
    pub records: Vec<T>,
    /// How many records the whole list has.
    pub total: u64,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub number: u32,
    /// The most records on a page.
    pub size: u32,
}

impl PageRequest {
    /// How many records stand before the page.
    pub(crate) fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)).saturating_mul(i64::from(self.size))
    }
}

/// Whose templates or jobs are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// What somebody in a project may see: of templates, the project's (private ones only as their owner or as
    /// manager) and those that are public; of jobs, the project's.
    Seen {
        /// The project.
        project: String,
        /// The user.
        user: String,
        /// Whether the user manages the project.
        manages: bool,
    },
}

impl Scope {
    /// Whether a template is seen; the template index asks the same of its own form of it.
    pub(crate) fn shows(&self, project: &str, owner: &str, visibility: Visibility) -> bool {
        match self {
            Self::All => true,
            Self::Seen { project: home, user, manages } => {
                is_seen(visibility, home == project, *manages || user == owner)
            }
        }
    }
}

/// Whether somebody who is `at_home` in a template's project, and may see everything or `private` ones there, sees it.
pub(crate) fn is_seen(visibility: Visibility, at_home: bool, private: bool) -> bool {
    match visibility {
        Visibility::Public => true,
        Visibility::Project => at_home,
        Visibility::Private => at_home && private,
    }
}

/// A condition or a whole statement that is put together from parts.
pub(crate) type Sql = QueryBuilder<Sqlite>;

/// Reads a page and the total of its list as they stood at one moment.
pub(crate) async fn page<T>(
    store: &Store,
    mut count: Sql,
    mut select: Sql,
    read: fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let mut snapshot = db::snapshot(store.readers()).await?;
    let total = match db::row(&mut *snapshot, count.build()).await? {
        Some(row) => Fields::of("count", &row).number("total")?,
        None => 0,
    };
    let rows = db::rows(&mut *snapshot, select.build()).await?;
    let records = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page { records, total })
}

/// Ends a statement at the wanted page.
pub(crate) fn push_limit(sql: &mut Sql, page: PageRequest) {
    sql.push(" LIMIT ").push_bind(i64::from(page.size));
    sql.push(" OFFSET ").push_bind(page.offset());
}

/// The form in which jobs' names are searched: normal form C, capital letters of ASCII made small.
pub(crate) fn folded(name: &str) -> String {
    name.nfc().map(|character| character.to_ascii_lowercase()).collect()
}

/// Adds the condition that a folded name contains a text, in which `%` and `_` are ordinary characters.
pub(crate) fn push_name_contains(sql: &mut Sql, text: &str) {
    // No name is longer or holds such a character, and the database would stumble over both.
    let matches_nothing = text.chars().count() > 4 * NAME_MAX_CHARS || text.contains('\0');
    if matches_nothing {
        sql.push(" AND 1 = 0");
        return;
    }
    let mut pattern = String::from("%");
    for character in folded(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    sql.push(" AND name_folded LIKE ").push_bind(pattern);
    sql.push(" ESCAPE '\\'");
}
