//! Who keeps account of a source, value by value: what was carried over is marked, and the rest is listed.
//!
//! So nothing can be forgotten: a value that no code looked at stands in the list by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trainyard_domain::path;

use crate::unmapped::Listing;

/// A value of a source and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// Its path, as people read it.
    pub(super) path: String,
    /// The value.
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    /// A whole source.
    pub(super) fn root(path: &str, value: &'a Value) -> Self {
        Self { path: path.to_owned(), value }
    }

    /// The member of this name, where there is one that is not `null`.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { path: path::member(&self.path, key), value })
    }

    /// The member at the end of these names.
    pub(super) fn at(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |node, key| node.get(key))
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let object = self.value.as_object();
        let base = self.path.clone();
        object
            .into_iter()
            .flatten()
            .map(move |(key, value)| (key.as_str(), Self { path: path::member(&base, key), value }))
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let base = self.path.clone();
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(move |(index, value)| Self { path: path::item(&base, index), value })
    }

    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The value as a person would write it: text as it is, anything else as JSON.
    pub(super) fn shown(&self) -> String {
        shown(self.value)
    }
}

/// A value as a person would write it: text as it is, anything else as JSON.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What was carried over of one source, and what is to be said of the rest.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    carried: BTreeSet<String>,
    said: BTreeMap<String, String>,
}

impl Ledger {
    /// Marks a value, with all that lies in it, as carried over.
    pub(super) fn carry(&mut self, node: &Node<'_>) {
        self.carried.insert(node.path.clone());
    }

    /// Has a value listed with these words, whether or not it was carried over.
    pub(super) fn say(&mut self, node: &Node<'_>, why: impl Into<String>) {
        self.said.insert(node.path.clone(), why.into());
    }

    /// Whether a value itself was carried over or has words of its own.
    pub(super) fn knows(&self, node: &Node<'_>) -> bool {
        self.carried.contains(&node.path) || self.said.contains_key(&node.path)
    }

    /// Lists all that was not carried over, in the largest wholes; `reason` finds words for what has none yet.
    pub(super) fn list_rest(&self, root: &Node<'_>, reason: &dyn Fn(&Node<'_>) -> String, out: &mut Listing) {
        self.list(root, false, reason, out);
    }

    fn list(&self, node: &Node<'_>, in_carried: bool, reason: &dyn Fn(&Node<'_>) -> String, out: &mut Listing) {
        let said = self.said.get(&node.path);
        if let Some(why) = said {
            out.add(node.path.clone(), &node.shown(), why.clone());
        }
        let carried = in_carried || self.carried.contains(&node.path);
        if !self.knows_below(&node.path) {
            if !carried && said.is_none() && !node.value.is_null() {
                out.add(node.path.clone(), &node.shown(), reason(node));
            }
            return;
        }
        for child in node.members().map(|(_, member)| member).chain(node.items()) {
            self.list(&child, carried, reason, out);
        }
    }

    /// Whether anything inside of a value was carried over or has words of its own.
    fn knows_below(&self, base: &str) -> bool {
        let starts = if base.is_empty() { vec![String::new()] } else { vec![format!("{base}."), format!("{base}[")] };
        starts.iter().any(|start| {
            let is_below = |path: &String| path.len() > base.len() && path.starts_with(start);
            // At most one path, that of the root itself, equals its start.
            self.carried.range(start.clone()..).take(2).any(is_below)
                || self.said.range(start.clone()..).take(2).any(|(path, _)| is_below(path))
        })
    }
}
