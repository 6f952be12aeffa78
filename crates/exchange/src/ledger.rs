//! The ledger of a source: translated values are marked, and all others are listed.
//!
//! So no value is lost: the ledger lists a value even if no code has handled it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trainyard_domain::path;

use crate::unmapped::Listing;

/// A value of a source, with its path.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// The path as faults and lists show it, such as `spec.trainer.env[0]`.
    pub(super) path: String,
    /// The JSON value at this path.
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    /// The value of a whole document; `path` is empty or names the document.
    pub(super) fn root(path: &str, value: &'a Value) -> Self {
        Self { path: path.to_owned(), value }
    }

    /// The member of this name, unless it is missing or `null`.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { path: path::member(&self.path, key), value })
    }

    /// The member that these names lead to, one object inside the other.
    pub(super) fn at(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |node, key| node.get(key))
    }

    /// The members of an object; no members for another type.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let object = self.value.as_object();
        let base = self.path.clone();
        object
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key.as_str(), Self { path: path::member(&base, key), value }))
    }

    /// The items of a list; no items for another type.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let base = self.path.clone();
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(index, value)| Self { path: path::item(&base, index), value })
    }

    /// The text of a JSON string; `None` for another type.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The value as [`shown`] writes it.
    pub(super) fn shown(&self) -> String {
        shown(self.value)
    }
}

/// A value for people: text without quotes, any other type as JSON.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Which values of one source are translated, and the reasons to list with others.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    translated: BTreeSet<String>,
    reasons: BTreeMap<String, String>,
}

impl Ledger {
    /// Marks a value and everything inside it as translated.
    pub(super) fn mark_translated(&mut self, node: &Node<'_>) {
        self.translated.insert(node.path.clone());
    }

    /// Lists a value with this reason, even if it is also marked as translated.
    pub(super) fn explain(&mut self, node: &Node<'_>, why: impl Into<String>) {
        self.reasons.insert(node.path.clone(), why.into());
    }

    /// Whether a value itself is marked as translated or has a reason.
    pub(super) fn knows(&self, node: &Node<'_>) -> bool {
        self.translated.contains(&node.path) || self.reasons.contains_key(&node.path)
    }

    /// Lists every value that is not translated; an object without any translated value is one entry. `reason` gives the
    /// reason for values that have none yet.
    pub(super) fn list_rest(&self, root: &Node<'_>, reason: &dyn Fn(&Node<'_>) -> String, out: &mut Listing) {
        self.list(root, false, reason, out);
    }

    fn list(&self, node: &Node<'_>, in_translated: bool, reason: &dyn Fn(&Node<'_>) -> String, out: &mut Listing) {
        let explained = self.reasons.get(&node.path);
        if let Some(why) = explained {
            out.add(node.path.clone(), &node.shown(), why.clone());
        }
        let is_translated = in_translated || self.translated.contains(&node.path);
        if !self.knows_below(&node.path) {
            if !is_translated && explained.is_none() && !node.value.is_null() {
                out.add(node.path.clone(), &node.shown(), reason(node));
            }
            return;
        }
        for child in node.members().map(|(_, member)| member).chain(node.items()) {
            self.list(&child, is_translated, reason, out);
        }
    }

    /// Whether any value inside this one is marked as translated or has a reason.
    fn knows_below(&self, base: &str) -> bool {
        let starts = if base.is_empty() { vec![String::new()] } else { vec![format!("{base}."), format!("{base}[")] };
        starts.iter().any(|start| {
            let is_below = |path: &String| path.len() > base.len() && path.starts_with(start);
            // Of the paths with this start only the first can be the start itself, and that only at the root: two
            // entries are enough.
            self.translated.range(start.clone()..).take(2).any(is_below)
                || self.reasons.range(start.clone()..).take(2).any(|(path, _)| is_below(path))
        })
    }
}
