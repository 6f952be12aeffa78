//! The words that the document lists are those of the code: a new word cannot be forgotten in either.

use std::collections::BTreeSet;

use serde_json::Value;
use trainyard_domain::{
    access::{Role, Visibility},
    fault::FaultCode,
    job_spec::StorageType,
    reason::{Reason, WaitCode},
};
use trainyard_exchange::Format;
use trainyard_server::config::EngineKind;

use crate::contract::{DOCUMENT, operations};

fn words<'w>(list: &Value, words: impl IntoIterator<Item = &'w &'w str>, what: &str) {
    let listed: BTreeSet<&str> = list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(listed, words.into_iter().copied().collect(), "{what}");
}

#[test]
fn a_closed_list_of_words_is_a_schema() {
    for (schema, all) in [("ImportFormat", Format::WORDS), ("Role", Role::WORDS), ("Visibility", Visibility::WORDS)] {
        words(&DOCUMENT["components"]["schemas"][schema]["enum"], all, schema);
    }
    let export = operations().find(|operation| operation.id == "exportTemplate").unwrap();
    let parameters = export.definition["parameters"].as_array().unwrap();
    let format = parameters.iter().find(|parameter| parameter["name"] == "format").unwrap();
    words(&format["schema"]["enum"], Format::EXPORTS, "format of an export");
}

/// A list that may grow with a version is no `enum`, because clients that are generated from one refuse other words.
#[test]
fn an_open_list_of_words_is_in_the_description() {
    for (schema, field, all) in [
        ("WaitingReason", "code", WaitCode::WORDS),
        ("JobRecord", "reason", Reason::WORDS),
        ("FieldFault", "code", FaultCode::WORDS),
        ("Notice", "code", FaultCode::WORDS),
        ("Centre", "engine", EngineKind::WORDS),
        ("Storage", "storageType", StorageType::WORDS),
    ] {
        let property = &DOCUMENT["components"]["schemas"][schema]["properties"][field];
        let description = property["description"].as_str().unwrap();
        let listed: BTreeSet<&str> = description.split('`').skip(1).step_by(2).collect();
        assert_eq!(listed, all.iter().copied().collect(), "{schema}.{field}");
        assert!(all.contains(&property["example"].as_str().unwrap()), "the example of {schema}.{field}");
    }
}
