//! A template that is saved from a job.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    capacity::{GB, WorkerSize},
    job_spec::{Centre, Product},
    samples::{any_document, any_request, centre, object, queued, spec},
    template::{Base, Request, effective_spec},
};

fn centre_with_products() -> [Centre; 1] {
    let size = WorkerSize { cpu_milli: 2000, memory_bytes: GB, gpus: 1, gpu_model: None };
    let product = Product { code: "ONE".to_owned(), name: "one".to_owned(), size, price: None };
    [Centre { products: vec![product], ..centre(64, 64, &["L40S"; 8]) }]
}

/// Resolves a request over a template, and saves the resulting job as a template.
fn saved(content: &Document, overrides: &Document) -> (Document, Document) {
    let source = crate::samples::template_source();
    let nothing = Document::new();
    let base = Base { content, source: &source, author: "alice" };
    let prepared = effective_spec(base, Request { overrides, values: &nothing }, &centre_with_products()).prepared;
    let provenance = prepared.provenance.into_iter().map(|(path, source)| (path, source.to_string())).collect();
    let job = Job { document: prepared.document.clone(), provenance, ..queued(spec(1)) };
    (prepared.document, body_of_job(&job))
}

#[test]
fn defaults_and_product_sizes_are_not_saved() {
    let content = object(json!({"startCommand": "true", "env": {"A": "1"}, "resource": {"productCode": "ONE"},
        "storageConfigs": [{"mountPath": "/data", "onlyRead": true}], "labels": {"team": "vision"}}));
    let overrides = object(json!({"env": {"B": 2}, "resource": {"workerCount": 2}, "priority": 3}));
    let (_, body) = saved(&content, &overrides);
    assert_eq!(
        Value::Object(body),
        json!({"startCommand": "true", "env": {"A": "1", "B": 2},
            "resource": {"productCode": "ONE", "workerCount": 2},
            "storageConfigs": [{"mountPath": "/data", "onlyRead": true}], "labels": {"team": "vision"}, "priority": 3})
    );
}

proptest! {
    #[test]
    fn the_saved_template_gives_the_same_spec(content in any_document(), overrides in any_request()) {
        let (document, body) = saved(&content, &overrides);
        let (again, body_again) = saved(&body, &Document::new());
        prop_assert_eq!(document, again);
        prop_assert_eq!(body, body_again);
    }
}
