//! The filters of a list of templates, and its order.

use trainyard_domain::access::Visibility;

use crate::Scope;

/// The templates of a list, and their order; a filter that is `None` lets every template through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFilter {
    /// The templates that the caller may see.
    pub scope: Scope,
    /// A part of the name, compared as `search` is.
    pub name: Option<String>,
    /// Terms, separated by white space. Each must be a part of the name, the description or a label; capital letters count
    /// as small ones, full-width letters as ordinary ones.
    pub search: Option<String>,
    /// Labels that a template must all have.
    pub labels: Vec<LabelFilter>,
    /// The user that created the template.
    pub owner: Option<String>,
    /// Which users may see the template.
    pub visibility: Option<Visibility>,
    /// Whether archived templates are listed.
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
    /// All templates of a scope that are not archived, newest first.
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

/// A label that a template must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// The name of the label, compared exactly.
    pub key: String,
    /// The value of the label; `None` for any value.
    pub value: Option<String>,
}

/// Whether a list has archived templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedFilter {
    /// Without archived templates.
    Hidden,
    /// Only archived templates.
    Only,
    /// Archived templates and all others.
    Shown,
}

/// The order of a list. Templates that compare equal are ordered by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The property that is compared.
    pub by: SortBy,
    /// Whether the smallest or the largest value comes first.
    pub direction: Direction,
}

/// The property by which templates are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// The folded name.
    Name,
    /// The time of creation.
    Created,
    /// The time of the last change.
    Updated,
    /// The time of the last job that was created from it; templates without jobs come before all others.
    LastUsed,
    /// How many jobs were created from it.
    JobsMade,
}

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest value first.
    Ascending,
    /// The greatest value first.
    Descending,
}
