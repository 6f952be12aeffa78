//! The OpenAPI document: written down and fresh, free of loose ends, and true: every answer that it documents can be
//! had, and no other.

mod failures;
mod successes;

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use crate::contract::{DOCUMENT, describes_object, inlined, is_free_form, operations, says_nothing_of_members};

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = trainyard_server::http::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // Not assert_eq: nobody reads five thousand lines twice.
    assert!(
        committed == text,
        "docs/openapi.json is stale. If the change is meant, run\n\
         UPDATE_OPENAPI=1 cargo nextest run -p trainyard-it openapi::the_committed\nand review the difference."
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_described_success() {
    let mut ids = BTreeSet::new();
    for operation in operations() {
        assert!(ids.insert(operation.id), "{} names two operations", operation.id);
        let says = operation.says;
        assert!(says["summary"].is_string(), "{} has no summary", operation.id);
        assert!(says["responses"]["200"].is_object(), "{} has no success", operation.id);
        for parameter in says["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{}: {parameter} is not described", operation.id);
        }
    }
}

#[test]
fn only_what_the_contract_leaves_open_is_free_form() {
    for operation in operations() {
        let answers = operation.says["responses"].as_object().unwrap().values();
        let bodies = answers.chain(operation.says.get("requestBody"));
        let schemas = bodies.flat_map(|body| body["content"].as_object().unwrap().values());
        for schema in schemas {
            let mut loose = Vec::new();
            find_loose(&inlined(&schema["schema"]), "", &mut loose);
            assert!(loose.is_empty(), "{}: these may hold anything: {loose:?}", operation.id);
        }
    }
}

/// Finds the fields whose schema says nothing of what they hold.
fn find_loose(schema: &Value, field: &str, loose: &mut Vec<String>) {
    let is_open_object = describes_object(schema) && says_nothing_of_members(schema);
    let is_anything = ["type", "allOf", "oneOf", "anyOf"].iter().all(|key| schema.get(key).is_none());
    if is_anything || is_open_object && !is_free_form(schema, field) {
        loose.push(format!("{field}: {schema}"));
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        find_loose(member, name, loose);
    }
    for part in ["allOf", "oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten()) {
        find_loose(part, field, loose);
    }
    for below in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)) {
        if below.is_object() {
            find_loose(below, field, loose);
        }
    }
}

#[test]
fn every_schema_is_described() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "the schema {name} is not described");
    }
}
