//! Checks every answer that a test receives against the published OpenAPI document.
//!
//! The check is stricter than the schemas: apart from the free-form objects of the contract, an answer may have only
//! members that its schema names.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{LazyLock, Mutex},
};

use jsonschema::{Draft, Validator};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};
use trainyard_api::failures::phrase;

/// The fields that hold objects with any members; in `storageConfigs` the items do.
pub(crate) const FREE_FORM: [&str; 4] = ["env", "resource", "storageConfigs", "ext"];

/// The fields that hold a value of any type: the two sides of a difference.
pub(crate) const ANYTHING: [&str; 2] = ["from", "to"];

/// The OpenAPI document that the server publishes.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(trainyard_server::http::document()).unwrap());

/// The validators built so far, by operation and status.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// An answer that the document describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    /// The id of the operation.
    pub(crate) operation: String,
    pub(crate) status: u16,
    /// The media type, without parameters.
    pub(crate) kind: String,
}

/// One operation of the document.
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) definition: &'static Value,
}

impl Operation {
    /// Returns the documented statuses, without `default`.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        let all = self.definition["responses"].as_object().unwrap().keys();
        all.filter(|status| *status != "default").map(|status| status.parse().unwrap()).collect()
    }

    fn is_at(&self, path: &str) -> bool {
        let (own, other) = (self.path.split('/'), path.split('/'));
        let same = |(own, other): (&str, &str)| own == other || own.starts_with('{');
        own.clone().count() == other.clone().count() && own.zip(other).all(same)
    }
}

/// Returns every operation, in the document's order.
pub(crate) fn operations() -> impl Iterator<Item = Operation> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, definition)| Operation {
            id: definition["operationId"].as_str().unwrap(),
            method: method.to_uppercase(),
            path,
            definition,
        })
    })
}

/// Returns the shortest valid query of an operation, or `""`.
pub(crate) fn minimal_query(operation: &str) -> &'static str {
    match operation {
        "diffTemplateVersions" => "?from=1&to=1",
        "searchLog" => "?q=x",
        "isNameAvailable" => "?name=three",
        _ => "",
    }
}

/// Returns a small valid body of an operation; `None` if it takes no body.
pub(crate) fn minimal_body(operation: &str) -> Option<Value> {
    match operation {
        "createTemplate" | "updateTemplate" => Some(json!({"name": "three"})),
        "previewJob" => Some(json!({})),
        "setJobTimeout" => Some(json!({"timeoutSeconds": 3600})),
        "setDefaultTemplateVersion" => Some(json!({"version": 1})),
        "importTemplate" => Some(json!({"text": "name: five"})),
        "copyTemplate" | "saveJobAsTemplate" => Some(json!({"name": "four"})),
        "createJob" => Some(json!({"createType": "CUSTOM", "startCommand": "true"})),
        "createStorage" => Some(json!({"storageType": "nas-capacity", "path": "/nowhere"})),
        "createSecret" => Some(json!({"name": "s", "value": "v"})),
        "createKey" => Some(json!({"name": "k", "user": "u", "project": "p", "role": "member"})),
        _ => None,
    }
}

/// Returns every documented answer, without `default`.
pub(crate) fn documented() -> BTreeSet<Answer> {
    let answers = operations().flat_map(|operation| {
        operation.statuses().into_iter().flat_map(move |status| {
            let kinds = operation.definition["responses"][status.to_string()]["content"].as_object().unwrap().keys();
            kinds.map(move |kind| Answer { operation: operation.id.to_owned(), status, kind: kind.clone() })
        })
    });
    answers.collect()
}

/// Asserts that an answer is documented and returns which one it is; `None` if the path belongs to no operation.
pub(crate) fn check_response(method: &str, path: &str, status: u16, headers: &HeaderMap, text: &str) -> Option<Answer> {
    let case = format!("{method} {path}: {status} {text}");
    if path == "/openapi.json" || path.starts_with("/docs") {
        return None;
    }
    let asked = if method == "HEAD" { "GET" } else { method };
    let candidates: Vec<_> = operations().filter(|operation| operation.is_at(path)).collect();
    let Some(operation) = candidates.iter().find(|operation| operation.method == asked) else {
        let expected = if candidates.is_empty() { 404 } else { 405 };
        assert_eq!(status, expected, "{case}");
        check_failure(status, text, &case);
        return None;
    };
    // A status that needs a full disk or many calls is documented as `default`.
    let key = if matches!(status, 429 | 507) { "default".to_owned() } else { status.to_string() };
    let response = &operation.definition["responses"][key];
    assert!(response.is_object(), "{} does not document this: {case}", operation.id);
    let kind = headers["content-type"].to_str().unwrap().split(';').next().unwrap().trim().to_owned();
    let schema = &response["content"][&kind]["schema"];
    assert!(schema.is_object(), "{} does not document {kind}: {case}", operation.id);
    for name in response["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(headers.contains_key(name.as_str()), "{name} is missing: {case}");
    }
    if method != "HEAD" && kind == "application/json" {
        let body = envelope(status, text, &case);
        check_schema(&format!("{} {status}", operation.id), schema, &body, &case);
    }
    if status == 401 {
        assert_eq!(headers["www-authenticate"], "Bearer", "{case}");
    }
    Some(Answer { operation: operation.id.to_owned(), status, kind })
}

fn check_failure(status: u16, text: &str, case: &str) {
    // An answer to HEAD has no body.
    if !text.is_empty() {
        let schema = json!({"$ref": "#/components/schemas/Failure"});
        check_schema("failure", &schema, &envelope(status, text, case), case);
    }
}

/// Reads the envelope and checks the rules of all answers: the status is repeated, the message starts with its phrase,
/// and 401, 403 and 500 carry no details.
fn envelope(status: u16, text: &str, case: &str) -> Value {
    let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {case}"));
    let message = body["message"].as_str().unwrap_or_default();
    assert_eq!(body["status"], status, "{case}");
    match status {
        200 => assert_eq!(message, "OK", "{case}"),
        403 | 500 => assert_eq!(message, phrase(status), "{case}"),
        _ => {
            let rest = message.strip_prefix(phrase(status)).and_then(|rest| rest.strip_prefix(": "));
            assert!(
                rest.is_some_and(|sentence| !sentence.is_empty()),
                "the message is not phrase and sentence: {case}"
            );
        }
    }
    match status {
        401 | 403 | 500 => assert_eq!(body["data"], json!({}), "{case}"),
        200 => assert!(!contains_null(&body), "a null instead of an omitted field: {case}"),
        _ => assert!(body["data"]["code"].is_string(), "without a code: {case}"),
    }
    body
}

/// Whether a `null` occurs outside the members that callers fill freely.
fn contains_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(contains_null),
        Value::Object(members) => {
            let is_open = |name: &str| FREE_FORM.contains(&name) || ANYTHING.contains(&name);
            members.iter().any(|(name, member)| !is_open(name) && contains_null(member))
        }
        _ => false,
    }
}

fn check_schema(name: &str, schema: &Value, body: &Value, case: &str) {
    let faults = faults_of(name, schema, body);
    assert!(faults.is_empty(), "not as documented: {faults:#?}\n{case}");
}

fn faults_of(name: &str, schema: &Value, body: &Value) -> Vec<String> {
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(name.to_owned()).or_insert_with(|| {
        let strict = jsonschema::options().with_draft(Draft::Draft202012).build(&closed(schema));
        strict.unwrap_or_else(|error| panic!("{name} is not a schema: {error}"))
    });
    validator.iter_errors(body).map(|fault| fault.to_string()).collect()
}

/// Returns a schema with its references inlined and every object closed, apart from the free-form objects.
fn closed(schema: &Value) -> Value {
    let mut closed = inlined(schema);
    close(&mut closed, "");
    closed
}

/// Returns a schema with its references inlined.
pub(crate) fn inlined(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => inlined(DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
            None => members.iter().map(|(key, value)| (key.clone(), inlined(value))).collect(),
        },
        Value::Array(items) => items.iter().map(inlined).collect(),
        other => other.clone(),
    }
}

/// Closes the schema of a field's value and all schemas below it.
fn close(schema: &mut Value, field: &str) {
    close_members(schema, field);
    for key in ["oneOf", "anyOf"] {
        let branches = schema.get_mut(key).and_then(Value::as_array_mut);
        branches.into_iter().flatten().for_each(|branch| close(branch, field));
    }
    if describes_object(schema) && !is_free_form(schema, field) {
        schema["unevaluatedProperties"] = json!(false);
    }
}

/// Closes the schemas below a schema that is itself a part of an `allOf`.
fn close_members(schema: &mut Value, field: &str) {
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(|part| close_members(part, field));
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    members.into_iter().flatten().for_each(|(name, member)| close(member, name));
    if let Some(items) = schema.get_mut("items") {
        close(items, field);
    }
    if let Some(values) = schema.get_mut("additionalProperties").filter(|values| values.is_object()) {
        close(values, "");
    }
}

pub(crate) fn describes_object(schema: &Value) -> bool {
    let kinds = &schema["type"];
    let named = kinds == "object" || kinds.as_array().is_some_and(|kinds| kinds.contains(&json!("object")));
    named || schema.get("allOf").is_some()
}

/// Whether the contract leaves open which members the object in this field has.
pub(crate) fn is_free_form(schema: &Value, field: &str) -> bool {
    leaves_members_open(schema) && FREE_FORM.contains(&field)
}

pub(crate) fn leaves_members_open(schema: &Value) -> bool {
    ["properties", "allOf", "additionalProperties"].iter().all(|key| schema.get(key).is_none())
}

#[test]
fn the_check_finds_missing_wrong_and_undocumented_members() {
    let chunk = |data: Value| json!({"status": 200, "message": "OK", "data": data});
    let good = json!({"text": "", "offset": 0, "nextOffset": 0, "end": true});
    let with = |field: &str, value: Value| {
        let mut data = good.clone();
        data[field] = value;
        chunk(data)
    };
    let mut outside = chunk(good.clone());
    outside["more"] = json!(1);
    for (schema, body, is_right) in [
        ("Envelope_LogChunk", chunk(good.clone()), true),
        ("Envelope_LogChunk", with("skipped", json!(1)), true),
        ("Envelope_LogChunk", with("end", json!("true")), false),
        ("Envelope_LogChunk", with("offset", json!(-1)), false),
        ("Envelope_LogChunk", with("more", json!(1)), false),
        ("Envelope_LogChunk", chunk(json!({"text": ""})), false),
        ("Envelope_LogChunk", outside, false),
        ("Envelope_Empty", chunk(json!({})), true),
        ("Envelope_Empty", chunk(json!({"more": 1})), false),
        ("SpecFields", json!({"env": {"A": 1}, "resource": {"x": []}, "storageConfigs": [{"x": 1}]}), true),
        ("SpecFields", json!({"labels": {"a": "b"}}), true),
        ("SpecFields", json!({"labels": {"a": 1}}), false),
        ("SpecFields", json!({"more": 1}), false),
        ("TemplateUpdated", json!({"version": 1, "revision": 1, "more": 1}), false),
    ] {
        let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
        let faults = faults_of(schema, &reference, &body);
        assert_eq!(faults.is_empty(), is_right, "{schema} {body}: {faults:?}");
    }
}
