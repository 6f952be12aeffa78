//! The effective spec of a request over a template.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    capacity::{GB, WorkerSize},
    job_spec::Product,
    samples::{any_document, any_request, centre, lines, object, template_source},
};

fn over(content: &Document, overrides: &Document, values: &Document) -> EffectiveSpec {
    let source = template_source();
    let base = Base { content, source: &source, author: "alice" };
    effective_spec(base, Request { overrides, values }, &[centre_with_products()])
}

/// A centre with two products.
fn centre_with_products() -> Centre {
    let product = |code: &str, gpus| Product {
        code: code.to_owned(),
        name: code.to_owned(),
        size: WorkerSize { cpu_milli: 1000, memory_bytes: GB, gpus, gpu_model: None },
        price: None,
    };
    Centre { products: vec![product("ONE", 1), product("TWO", 2)], ..centre(64, 64, &["L40S"; 8]) }
}

fn lines_of(changes: &[Change]) -> Vec<String> {
    let text = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    changes.iter().map(|change| format!("{} {} {}", change.path, text(&change.from), text(&change.to))).collect()
}

#[test]
fn changes_list_what_the_request_changes_and_no_defaults() {
    let content = object(json!({"image": "i", "env": {"A": "1", "B": "2"}, "startCommand": "true",
        "storageConfigs": [{"mountPath": "/data/", "onlyRead": true}],
        "parameters": [{"name": "N", "type": "integer", "default": 3}, {"name": "M", "type": "integer", "default": 4}]}));
    let overrides = object(json!({"image": null, "env": {"B": "3", "C": "4"}, "priority": 3,
        "storageConfigs": [{"mountPath": "/data"}, {"mountPath": "/b"}]}));
    let found = over(&content, &overrides, &object(json!({"N": 5})));
    assert_eq!(
        lines_of(&found.changes),
        [
            "env.B \"2\" \"3\"",
            "env.C - \"4\"",
            "env.N 3 5",
            "image \"i\" -",
            "priority - 3",
            "storageConfigs[\"/b\"].mountPath - \"/b\"",
            "storageConfigs[\"/data\"].mountPath \"/data/\" \"/data\"",
            "storageConfigs[\"/data\"].onlyRead true -",
        ]
    );
    assert_eq!(over(&content, &Document::new(), &Document::new()).changes, []);
}

#[test]
fn a_lock_holds_against_another_product_too() {
    let content =
        |locks: Value| object(json!({"startCommand": "true", "resource": {"productCode": "ONE"}, "locked": locks}));
    let two = object(json!({"resource": {"productCode": "TWO"}}));
    let refusals =
        |locks: Value, overrides: &Document| lines(&over(&content(locks), overrides, &Document::new()).refusals);
    assert_eq!(refusals(json!([]), &two), [""; 0]);
    assert_eq!(refusals(json!(["resource.gpuCount"]), &two), ["resource.gpuCount locked"]);
    assert_eq!(refusals(json!(["resource.cpuCores"]), &two), [""; 0], "it is the same in both");
    assert_eq!(
        refusals(json!(["resource"]), &two),
        ["resource.productCode locked", "resource.gpuCount locked"],
        "each leaf once"
    );
    assert_eq!(refusals(json!(["resource.gpuCount"]), &object(json!({"priority": 3}))), [""; 0]);
    // A default that depends on a field without a lock is no override.
    assert_eq!(refusals(json!(["resource.memoryGB"]), &object(json!({"resource": {"cpuCores": 4}}))), [""; 0]);
}

#[test]
fn a_problem_is_reported_once() {
    let content = object(json!({"required": ["startCommand"], "resource": {"gpuCount": 9}}));
    let found = over(&content, &Document::new(), &Document::new());
    assert_eq!(lines(&found.problems()), ["startCommand required", "resource.gpuCount never_fits"]);
}

proptest! {
    #[test]
    fn after_a_null_a_path_holds_its_default(content in any_document(), overrides in any_request(), at in any::<prop::sample::Index>()) {
        let root: Vec<&String> = content.keys().collect();
        prop_assume!(!root.is_empty());
        let key = at.get(&root).as_str();
        let mut with_null = overrides.clone();
        with_null.insert(key.to_owned(), Value::Null);
        let mut without = overrides.clone();
        without.remove(key);
        let mut never_said = content.clone();
        never_said.remove(key);
        let unset = over(&content, &with_null, &Document::new()).prepared;
        let default = over(&never_said, &without, &Document::new()).prepared;
        prop_assert_eq!(unset.document.get(key), default.document.get(key));
        prop_assert_eq!(unset.document, default.document);
        prop_assert_eq!(unset.provenance, default.provenance);
    }

    #[test]
    fn every_leaf_of_the_effective_spec_has_one_source(content in any_document(), overrides in any_request()) {
        let prepared = over(&content, &overrides, &Document::new()).prepared;
        let mut paths: Vec<_> = crate::document::leaves(&prepared.document).into_iter().map(|(path, _)| path).collect();
        paths.sort();
        prop_assert_eq!(paths, prepared.provenance.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_spec_without_problems_is_runnable(content in any_document(), overrides in any_request()) {
        let found = over(&content, &overrides, &Document::new());
        let runnable = found.refusals.is_empty() && found.prepared.spec.is_some();
        prop_assert_eq!(found.problems().is_empty(), runnable);
    }
}
