//! Merges an arbitrary template, request and parameter values, given as JSON with the members `content`, `request` and
//! `values`. Every leaf of the result has exactly one source, the result is a spec or a list of problems, and applying
//! the same request twice changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trainyard_domain::{
    capacity::{Capacity, GB, Gpu, WorkerSize},
    document::{Document, leaves},
    fault::Faults,
    id::{CentreId, TemplateId},
    job_spec::{Centre, Judge, Mode, Prepared, Product, Storage, StorageType, check_document},
    json,
    merge::{Source, merge},
    template::{Base, EffectiveSpec, Request, TemplateInput, base_document, effective_spec},
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Value::Object(input)) = json::read(bytes) else { return };
    let part = |key: &str| input.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let (Some(content), Some(request)) = (content(part("content")), checked(&part("request"))) else { return };
    let values = part("values");
    let nothing = Document::new();

    let alone = over(&content, &nothing, &nothing);
    assert_eq!(alone.changes, [], "an empty request changes nothing");
    let found = over(&content, &request, &values);
    for prepared in [&alone.prepared, &found.prepared] {
        check(prepared);
    }
    let is_runnable = found.refusals.is_empty() && found.prepared.spec.is_some();
    assert_eq!(found.problems().is_empty(), is_runnable, "{:?}", found.problems());

    let source = source();
    let once = merge(&content, &source, &request);
    let twice = merge(&once.document, &source, &request);
    assert_eq!(twice.document, once.document, "the same request again changes nothing");
    assert_eq!(merge(&content, &source, &nothing).document, content);
    if found.prepared.spec.is_some() {
        check_copy(&found.prepared);
    }
});

/// The fields that a template with this body gives to its jobs; `None` if the body is not a valid template.
fn content(mut body: Document) -> Option<Document> {
    body.insert("name".to_owned(), Value::from("n"));
    let input = TemplateInput::parse(&Value::Object(body)).ok()?;
    Some(base_document(&input.described, &input.content))
}

/// The checked fields of a request with this body; `None` if the check refuses it.
fn checked(body: &Document) -> Option<Document> {
    let mut faults = Faults::default();
    let kept = check_document(body, Mode::Request, &[], &mut faults);
    faults.is_empty().then_some(kept)
}

fn source() -> Source {
    Source::Template(TemplateId::from_random([7; 10]), 3)
}

fn over(content: &Document, overrides: &Document, values: &Document) -> EffectiveSpec {
    let source = source();
    effective_spec(Base { content, source: &source, author: "alice" }, Request { overrides, values }, &centres())
}

/// A centre with two products, and a centre with none.
fn centres() -> [Centre; 2] {
    let gpu = |index| Gpu { index, model: "NVIDIA L40S".to_owned() };
    let capacity = Capacity { cpu_milli: 64_000, memory_bytes: 64 * GB, gpus: (0..8).map(gpu).collect() };
    let product = |code: &str, gpus: u32| Product {
        code: code.to_owned(),
        name: code.to_owned(),
        size: WorkerSize {
            cpu_milli: 1500,
            memory_bytes: GB,
            gpus,
            gpu_model: (gpus > 1).then(|| "NVIDIA L40S".to_owned()),
        },
        price: None,
    };
    let storage = |id: &str, read_only| Storage {
        id: id.to_owned(),
        name: None,
        kind: StorageType::Capacity,
        path: format!("/data/{id}"),
        read_only,
    };
    let first = Centre {
        id: CentreId(1),
        capacity,
        products: vec![product("ONE", 1), product("TWO", 2)],
        aliases: vec![("NVIDIA L40S".to_owned(), "L40S".to_owned())],
        is_allocated_here: true,
        judge: Judge::default(),
        can_mount: true,
        storages: vec![storage("11111111-2222-3333-4444-555555555555", false)],
        data_dir: Some("/var/lib/trainyard".to_owned()),
        ports: Some(4),
    };
    let storages = vec![storage("nas", true), storage("fast", false)];
    let second =
        Centre { id: CentreId(2), products: Vec::new(), storages, data_dir: None, ports: None, ..first.clone() };
    [first, second]
}

fn check(prepared: &Prepared) {
    let mut paths: Vec<_> = leaves(&prepared.document).into_iter().map(|(path, _)| path).collect();
    paths.sort();
    let named: Vec<_> = prepared.provenance.keys().cloned().collect();
    assert_eq!(paths, named, "every leaf has one source: {:?}", prepared.document);
    assert_eq!(prepared.spec.is_some(), prepared.problems.is_empty(), "{:?}", prepared.problems);
}

/// The settings of a job, sent as a request without a template, give the same job again.
fn check_copy(prepared: &Prepared) {
    let request = checked(&prepared.document).expect("a job's settings can be sent");
    let nothing = Document::new();
    let source = Source::Request;
    let base = Base { content: &nothing, source: &source, author: "" };
    let again = effective_spec(base, Request { overrides: &request, values: &nothing }, &centres());
    assert_eq!(again.prepared.document, without_nulls(&prepared.document));
    assert_eq!(again.prepared.spec, prepared.spec);
}

/// The document without its `null` members. A template may hold a `null` deep in its resources; in a request the same
/// `null` would unset a value.
fn without_nulls(document: &Document) -> Document {
    let kept = document.iter().filter(|(_, value)| !value.is_null());
    let inner = |value: &Value| match value {
        Value::Object(members) => Value::Object(without_nulls(members)),
        other => other.clone(),
    };
    kept.map(|(key, value)| (key.clone(), inner(value))).collect()
}
