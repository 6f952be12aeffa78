//! The OpenAPI document: the committed file is current, and each schema is closed. Every documented answer
//! occurs, and no other.

mod failures;
mod fields;
mod handlers;
mod successes;
mod words;

use std::{collections::BTreeSet, path::Path};

use reqwest::Method;
use serde_json::Value;

use crate::{
    contract::{ANYTHING, DOCUMENT, describes_object, inlined, is_free_form, leaves_members_open, operations},
    harness::{Host, ROOMY},
};

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = trainyard_server::http::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // `assert!`, since `assert_eq!` would print five thousand lines twice.
    assert!(
        committed == text,
        "docs/openapi.json is stale: if the change is meant, run `make openapi` (which is this test with \
         UPDATE_OPENAPI=1) and review the difference"
    );
}

#[test]
fn every_operation_has_a_unique_id_a_summary_and_a_success() {
    let mut ids = BTreeSet::new();
    for operation in operations() {
        assert!(ids.insert(operation.id), "{} names two operations", operation.id);
        let definition = operation.definition;
        assert!(definition["summary"].is_string(), "{} has no summary", operation.id);
        assert!(definition["responses"]["200"].is_object(), "{} has no success", operation.id);
        for parameter in definition["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{}: {parameter} is not described", operation.id);
        }
    }
}

#[test]
fn only_fields_that_the_contract_leaves_open_are_free_form() {
    for operation in operations() {
        let answers = operation.definition["responses"].as_object().unwrap().values();
        let bodies = answers.chain(operation.definition.get("requestBody"));
        let schemas = bodies.flat_map(|body| body["content"].as_object().unwrap().values());
        for schema in schemas {
            let mut open = Vec::new();
            find_open(&inlined(&schema["schema"]), "", &mut open);
            assert!(open.is_empty(), "{}: these fields may hold any value: {open:?}", operation.id);
        }
    }
}

/// Collects the fields with a schema that does not restrict the value.
fn find_open(schema: &Value, field: &str, open: &mut Vec<String>) {
    let is_open_object = describes_object(schema) && leaves_members_open(schema);
    let has_no_type = ["type", "allOf", "oneOf", "anyOf"].iter().all(|key| schema.get(key).is_none());
    if has_no_type && !ANYTHING.contains(&field) || is_open_object && !is_free_form(schema, field) {
        open.push(format!("{field}: {schema}"));
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        find_open(member, name, open);
    }
    for part in ["allOf", "oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten()) {
        find_open(part, field, open);
    }
    for below in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)) {
        if below.is_object() {
            find_open(below, field, open);
        }
    }
}

#[tokio::test]
async fn the_documentation_page_loads_nothing_from_elsewhere() {
    let host = Host::start_without_loops(ROOMY).await;
    let served = host.send(host.request(Method::GET, "/openapi.json", "")).await;
    assert!(served.body == *DOCUMENT, "the served document differs");

    // The client follows the redirect, as a browser does.
    let get = |path: String| host.request(Method::GET, &path, "").send();
    let text = async |path: String| {
        let answer = get(path.clone()).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    };
    let page = text("/docs".to_owned()).await;
    let links = page.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css"));
    let mut loaded = 0;
    for link in links {
        let file = link.trim_start_matches("./");
        assert!(!file.contains('/'), "the page loads {link} from elsewhere");
        let content = text(format!("/docs/{file}")).await;
        assert!(!file.contains("initializer") || content.contains("/openapi.json"), "{content}");
        loaded += 1;
    }
    assert!(loaded >= 3, "{page}");
}

#[test]
fn every_schema_is_described() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "the schema {name} is not described");
    }
}
