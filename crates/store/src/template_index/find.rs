//! A search: one walk over all entries in storage order finds those that a filter lets through, a second one in the
//! requested order finds the page.

use memchr::memmem::Finder;
use trainyard_domain::{access::Visibility, id::TemplateId};

use super::{
    entries::Entries,
    entry::{Entry, Word, Words},
    filter::{ArchivedFilter, Direction, LabelFilter, TemplateFilter},
    slots::{EntrySlots, Texts},
    text::{folded, label_pattern},
};
use crate::{PageRequest, Scope, list::is_seen};

/// The ids of a page, and how many there are on all pages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) ids: Vec<TemplateId>,
    pub(crate) total: u64,
}

pub(super) fn find(entries: &Entries, filter: &TemplateFilter, page: PageRequest) -> Found {
    let Some(query) = Query::of(filter, &entries.words) else {
        return Found { ids: Vec::new(), total: 0 };
    };
    let (marks, total) = query.mark(&entries.slots);
    let order = entries.order(filter.sort.by).iter();
    let ids = match filter.sort.direction {
        Direction::Ascending => page_of(entries, order, &marks, page),
        Direction::Descending => page_of(entries, order.rev(), &marks, page),
    };
    Found { ids, total }
}

fn page_of(entries: &Entries, order: impl Iterator<Item = u32>, marks: &Marks, page: PageRequest) -> Vec<TemplateId> {
    let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let through = order.filter(|slot| marks.has(*slot)).skip(before).take(page.size as usize);
    through.filter_map(|slot| entries.slots.entry(slot)).map(Entry::template_id).collect()
}

/// One bit for each slot, small enough to be read in any order.
struct Marks(Vec<u64>);

impl Marks {
    fn has(&self, slot: u32) -> bool {
        self.0.get(slot as usize / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1)
    }
}

/// A filter in the form in which it is quickest to apply.
struct Query {
    seen: Seen,
    archived: ArchivedFilter,
    visibility: Option<Visibility>,
    centre: Option<i64>,
    owner: Option<Word>,
    training_type: Option<Word>,
    framework: Option<Word>,
    labels: Vec<Finder<'static>>,
    name: Option<Finder<'static>>,
    terms: Vec<Finder<'static>>,
}

enum Seen {
    All,
    Of { project: Option<Word>, user: Option<Word>, manages: bool },
}

impl Query {
    /// The query of a filter; `None` if the filter asks for a word that no entry has.
    fn of(filter: &TemplateFilter, words: &Words) -> Option<Self> {
        let word = |text: &Option<String>| match text {
            None => Some(None),
            Some(text) => words.find(text).map(Some),
        };
        let seen = match &filter.scope {
            Scope::All => Seen::All,
            Scope::Seen { project, user, manages } => {
                Seen::Of { project: words.find(project), user: words.find(user), manages: *manages }
            }
        };
        let label = |label: &LabelFilter| finder(&label_pattern(&label.key, label.value.as_deref()));
        Some(Self {
            seen,
            archived: filter.archived,
            visibility: filter.visibility,
            centre: filter.centre,
            owner: word(&filter.owner)?,
            training_type: word(&filter.training_type)?,
            framework: word(&filter.framework)?,
            labels: filter.labels.iter().map(label).collect(),
            name: filter.name.as_deref().filter(|name| !name.is_empty()).map(|name| finder(folded(name).as_bytes())),
            terms: terms(filter.search.as_deref().unwrap_or_default()),
        })
    }

    /// The slots of the entries that the filter lets through, and how many they are.
    fn mark(&self, slots: &EntrySlots) -> (Marks, u64) {
        let marks: Vec<u64> = slots.blocks().map(|(entries, texts)| self.mark_block(entries, texts)).collect();
        let total = marks.iter().map(|bits| u64::from(bits.count_ones())).sum();
        (Marks(marks), total)
    }

    /// The cheap conditions come first; texts are searched only for entries that are left.
    fn mark_block(&self, entries: &[Option<Entry>], texts: &Texts) -> u64 {
        let mut left = 0;
        for (row, entry) in entries.iter().enumerate() {
            left |= u64::from(entry.as_ref().is_some_and(|entry| self.lets_through(entry))) << row;
        }
        if let Some(name) = &self.name {
            left = texts.names.containing(name, left);
        }
        for label in &self.labels {
            left = texts.labels.containing(label, left);
        }
        for term in &self.terms {
            let in_name = texts.names.containing(term, left);
            left = in_name | texts.rest.containing(term, left & !in_name);
        }
        left
    }

    fn lets_through(&self, entry: &Entry) -> bool {
        let archived = match self.archived {
            ArchivedFilter::Hidden => !entry.archived,
            ArchivedFilter::Only => entry.archived,
            ArchivedFilter::Shown => true,
        };
        archived
            && self.seen.shows(entry)
            && self.visibility.is_none_or(|visibility| entry.visibility == visibility)
            && self.centre.is_none_or(|centre| entry.centre == Some(centre))
            && self.owner.is_none_or(|owner| entry.owner == owner)
            && self.training_type.is_none_or(|word| entry.training_type == Some(word))
            && self.framework.is_none_or(|word| entry.framework == Some(word))
    }
}

impl Seen {
    fn shows(&self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Of { project, user, manages } => {
                let private = *manages || *user == Some(entry.owner);
                is_seen(entry.visibility, *project == Some(entry.project), private)
            }
        }
    }
}

/// The terms that must all be found, the longest first, since that is usually the rarest.
fn terms(search: &str) -> Vec<Finder<'static>> {
    let mut terms: Vec<String> = search.split_whitespace().map(folded).collect();
    terms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    terms.dedup();
    terms.iter().map(|term| finder(term.as_bytes())).collect()
}

fn finder(needle: &[u8]) -> Finder<'static> {
    Finder::new(needle).into_owned()
}
