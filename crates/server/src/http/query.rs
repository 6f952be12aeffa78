//! Reads the parameters of a query and collects all faults: unknown and repeated parameters, and values that
//! are not allowed.

use std::collections::{BTreeMap, BTreeSet};

use trainyard_api::page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE};
use trainyard_domain::fault::{FaultCode, Faults, did_you_mean};
use trainyard_store::PageRequest;

use crate::failure::Failure;

/// A query that a handler reads parameter by parameter. Each method notes the fault of its parameter and
/// returns `None`.
#[derive(Debug)]
pub(super) struct Query {
    given: BTreeMap<String, String>,
    /// Parameters with values that cannot be read; they do not count as missing.
    unreadable: BTreeSet<String>,
    faults: Faults,
}

impl Query {
    /// Starts to read. Notes a fault for each parameter that is not in `known` or occurs twice.
    pub(super) fn read(pairs: Vec<(String, String)>, known: &[&str]) -> Self {
        let mut query = Self { given: BTreeMap::new(), unreadable: BTreeSet::new(), faults: Faults::default() };
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let hint = query.faults.hint(&name, known.iter().copied());
                let list = if known.is_empty() { "this call takes no parameters".to_owned() } else { known.join(", ") };
                query.faults.add(name, FaultCode::UnknownField, format!("no such parameter{hint} (known: {list})"));
            } else if value.contains('\0') {
                query.faults.add(name.clone(), FaultCode::Malformed, "must not contain a NUL character");
                query.unreadable.insert(name);
            } else if query.given.insert(name.clone(), value).is_some() {
                query.faults.add(name, FaultCode::Duplicate, "is given more than once");
            }
        }
        query
    }

    /// A text; an empty text counts as not given.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.given.remove(name).filter(|text| !text.is_empty())
    }

    /// A whole number within bounds; an empty text counts as not given.
    pub(super) fn number(&mut self, name: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let text = self.text(name)?;
        match text.parse::<i64>() {
            Ok(number) if bounds.contains(&number) => Some(number),
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                let message = match (*low, *high) {
                    (i64::MIN, i64::MAX) => "must be a whole number".to_owned(),
                    (low, i64::MAX) => format!("must be a whole number of {low} or more"),
                    (low, high) => format!("must be a whole number from {low} to {high}"),
                };
                self.faults.add(name, FaultCode::OutOfRange, message);
                None
            }
        }
    }

    /// A required whole number of 1 or more.
    pub(super) fn required_count(&mut self, name: &str) -> Option<u32> {
        if self.given.get(name).is_none_or(String::is_empty) {
            self.faults.add(name, FaultCode::Required, "must be given: a whole number of 1 or more");
            return None;
        }
        self.count(name)
    }

    /// A whole number of 1 or more.
    pub(super) fn count(&mut self, name: &str) -> Option<u32> {
        self.number(name, 1..=i64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok())
    }

    /// A text that `parse` accepts; an empty text counts as not given.
    pub(super) fn parsed<T, E: Into<String>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.without_fault(name, parse(&text))
    }

    /// A required text that `parse` accepts.
    pub(super) fn required<T, E: Into<String>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.given.remove(name) {
            Some(text) => self.without_fault(name, parse(&text)),
            None => {
                if !self.unreadable.contains(name) {
                    self.faults.add(name, FaultCode::Required, "must be given");
                }
                None
            }
        }
    }

    fn without_fault<T, E: Into<String>>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|message| self.faults.add(name, FaultCode::Malformed, message)).ok()
    }

    /// One of a list of words; the fault suggests the nearest word.
    pub(super) fn choice(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let word = self.text(name)?;
        if words.contains(&word.as_str()) {
            return Some(word);
        }
        let hint = did_you_mean(&word, words.iter().copied());
        self.faults.add(name, FaultCode::NotAChoice, format!("must be one of {}{hint}", words.join(", ")));
        None
    }

    /// The page, from `pageNo` and `pageSize`.
    pub(super) fn page(&mut self) -> PageRequest {
        let small = |number: Option<i64>, default| number.and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        let number = small(self.number("pageNo", 1..=i64::from(u32::MAX)), 1);
        let size = small(self.number("pageSize", 1..=i64::from(MAX_PAGE_SIZE)), DEFAULT_PAGE_SIZE);
        PageRequest { number, size }
    }

    /// The id of a compute centre, from `aidcId`.
    pub(super) fn centre(&mut self) -> Option<i64> {
        self.number("aidcId", i64::MIN..=i64::MAX)
    }

    /// Returns the value if no fault was noted, or else all faults.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Failure> {
        self.faults.into_result(value).map_err(Failure::BadQuery)
    }
}
