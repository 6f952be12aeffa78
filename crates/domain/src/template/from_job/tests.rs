//! A job and the template that is saved from it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    capacity::{GB, WorkerSize},
    job_spec::{Centre, Product},
    samples::{any_document, any_request, centre, object, queued, spec},
    template::{Base, Request, effective},
};

fn shop() -> [Centre; 1] {
    let size = WorkerSize { cpu_milli: 2000, memory_bytes: GB, gpus: 1, gpu_model: None };
    let product = Product { code: "ONE".to_owned(), name: "one".to_owned(), size, price: None };
    [Centre { products: vec![product], ..centre(64, 64, &["L40S"; 8]) }]
}

/// The effective document of a request over a template, and the template that is saved from the job.
fn saved(content: &Document, overrides: &Document) -> (Document, Document) {
    let source = crate::samples::template_source();
    let nothing = Document::new();
    let base = Base { content, source: &source, author: "alice" };
    let prepared = effective(base, Request { overrides, values: &nothing }, &shop()).prepared;
    let provenance = prepared.provenance.into_iter().map(|(path, source)| (path, source.to_string())).collect();
    let job = Job { document: prepared.document.clone(), provenance, ..queued(spec(1)) };
    (prepared.document, body_of_job(&job))
}

#[test]
fn what_nobody_said_is_left_to_defaults_and_products_again() {
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
    fn the_saved_template_comes_to_the_same_spec(content in any_document(), overrides in any_request()) {
        let (document, body) = saved(&content, &overrides);
        let (again, body_again) = saved(&body, &Document::new());
        prop_assert_eq!(document, again);
        prop_assert_eq!(body, body_again);
    }
}
