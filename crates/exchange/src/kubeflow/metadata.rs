//! The name and the labels of a manifest.

use serde_json::{Map, Value};

use super::Reading;
use crate::ledger::Node;

/// Reads `metadata`: `name` or `generateName`, and `labels`.
pub(super) fn read(metadata: &Node<'_>, out: &mut Reading) {
    if let Some(name) = metadata.get("name") {
        if let Some(text) = name.text() {
            out.set_from("name", text, &name);
        }
    } else if let Some(start) = metadata.get("generateName")
        && let Some(text) = start.text()
    {
        out.set_from("name", text.trim_end_matches('-'), &start);
        out.ledger.explain(&start, "a template has a fixed name; the beginning is used as the name");
    }
    let Some(labels) = metadata.get("labels") else {
        return;
    };
    let mut kept = Map::new();
    for (key, node) in labels.members() {
        if let Some(text) = node.text() {
            kept.insert(key.to_owned(), Value::from(text));
            out.ledger.mark_translated(&node);
        }
    }
    if !kept.is_empty() {
        out.body.insert("labels".to_owned(), Value::Object(kept));
    }
}
