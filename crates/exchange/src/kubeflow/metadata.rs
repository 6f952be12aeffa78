//! A manifest's name and labels.

use serde_json::{Map, Value};

use super::Reading;
use crate::ledger::Node;

/// Reads `metadata`.
pub(super) fn read(metadata: &Node<'_>, out: &mut Reading) {
    if let Some(name) = metadata.get("name") {
        if let Some(text) = name.text() {
            out.carry("name", text, &name);
        }
    } else if let Some(start) = metadata.get("generateName")
        && let Some(text) = start.text()
    {
        out.carry("name", text.trim_end_matches('-'), &start);
        out.ledger.say(&start, "a template has one name and makes none up; this is its beginning");
    }
    let Some(labels) = metadata.get("labels") else {
        return;
    };
    let mut kept = Map::new();
    for (key, node) in labels.members() {
        if let Some(text) = node.text() {
            kept.insert(key.to_owned(), Value::from(text));
            out.ledger.carry(&node);
        }
    }
    if !kept.is_empty() {
        out.body.insert("labels".to_owned(), Value::Object(kept));
    }
}
