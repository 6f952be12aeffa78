//! Which templates are listed, and in which order.

use trainyard_domain::access::Visibility;

use crate::Scope;

/// Which templates are listed, and in which order; what is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Whose.
    pub scope: Scope,
    /// A part of the name, compared as `search` is.
    pub name: Option<String>,
    /// Words, parted by white space, that all stand somewhere in name, description or labels, be it inside another
    /// word; capital letters count as small ones, full-width ones as ordinary ones.
    pub search: Option<String>,
    /// Labels that are all there.
    pub labels: Vec<LabelFilter>,
    /// The user who made it.
    pub owner: Option<String>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// What becomes of archived ones.
    pub archived: ArchivedFilter,
    /// The compute centre.
    pub centre: Option<i64>,
    /// The published word of the training type.
    pub training_type: Option<String>,
    /// The published word of the framework.
    pub framework: Option<String>,
    /// The order of the list.
    pub sort: Sort,
}

impl TemplateFilter {
    /// All that somebody may see and that is not archived, the newest first.
    pub fn of(scope: Scope) -> Self {
        Self {
            scope,
            name: None,
            search: None,
            labels: Vec::new(),
            owner: None,
            visibility: None,
            archived: ArchivedFilter::Hidden,
            centre: None,
            training_type: None,
            framework: None,
            sort: Sort { by: SortBy::Created, direction: Direction::Descending },
        }
    }
}

/// A label that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// Its name.
    pub key: String,
    /// Its value, where it matters.
    pub value: Option<String>,
}

/// What becomes of archived templates in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedFilter {
    /// They are left out.
    Hidden,
    /// Only they are listed.
    Only,
    /// They are listed with the others.
    Shown,
}

/// The order of a list. What counts the same is ordered by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// Which end comes first.
    pub direction: Direction,
}

/// By what templates are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// By name, as it is searched.
    Name,
    /// By when they were made.
    Created,
    /// By when they last changed.
    Updated,
    /// By when a job was last made from them; those without are before all others.
    LastUsed,
    /// By how many jobs were made from them.
    JobsMade,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    Ascending,
    /// The greatest.
    Descending,
}
