//! The published schemas and the table of fields agree in names, types and bounds.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trainyard_domain::{
    job_spec::{FIELDS, FieldKind, Member, SERVER_FIELDS, TextRule},
    parameter::PARAMETER_KEYS,
    text::{IMAGE_MAX_BYTES, PATH_BYTES},
};

use crate::contract::{DOCUMENT, FREE_FORM, inlined};

/// Returns the properties of a schema and of the schemas in its `allOf`.
fn properties(schema: &Value) -> Vec<(String, Value)> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.map(|(name, schema)| (name.clone(), schema.clone())).chain(parts.flat_map(properties)).collect()
}

fn schema(name: &str) -> Value {
    inlined(&DOCUMENT["components"]["schemas"][name])
}

fn names(properties: &[(String, Value)]) -> BTreeSet<&str> {
    properties.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_schemas_have_the_fields_of_the_table_and_no_others() {
    let in_jobs = FIELDS.iter().filter(|field| field.in_jobs).map(|field| field.name);
    assert_eq!(names(&properties(&schema("SpecFields"))), in_jobs.collect());
    let all = FIELDS.iter().map(|field| field.name).chain(["name"]);
    assert_eq!(names(&properties(&schema("TemplateBody"))), all.collect());
}

#[test]
fn a_record_adds_only_fields_that_a_body_may_repeat() {
    let (body, record) = (properties(&schema("TemplateBody")), properties(&schema("TemplateDetail")));
    let added: BTreeSet<_> = names(&record).difference(&names(&body)).copied().collect();
    // A body may have a comment too: it explains the new version.
    assert_eq!(added, SERVER_FIELDS.iter().copied().chain(["comment"]).collect());
}

#[test]
fn the_schema_of_a_parameter_has_the_keys_that_a_declaration_may_have() {
    assert_eq!(names(&properties(&schema("Parameter"))), PARAMETER_KEYS.iter().copied().collect());
}

#[test]
fn the_schema_of_each_field_has_its_type_and_bounds() {
    for (name, schema) in properties(&schema("TemplateBody")).iter().filter(|(name, _)| name != "name") {
        let field = FIELDS.iter().find(|field| field.name == name).unwrap();
        let bounds = json!({
            "type": type_of(schema), "enum": schema["oneOf"][0]["enum"],
            "minimum": schema["minimum"], "maximum": schema["maximum"], "maxLength": schema["maxLength"],
        });
        assert_eq!(bounds, bounds_of(field.kind), "{name}");
        let description = schema["description"].as_str().unwrap_or_default();
        for member in described_members(field.kind) {
            assert!(description.contains(&format!("`{}`", member.name)), "{name} does not describe {}", member.name);
        }
        let is_open = matches!(field.kind, FieldKind::Variables | FieldKind::Object(_) | FieldKind::Mounts { .. });
        assert_eq!(FREE_FORM.contains(&field.name), is_open, "{name}");
    }
}

/// Returns the type of an optional field, without `null`.
fn type_of(schema: &Value) -> &Value {
    let reference = &schema["oneOf"][0];
    if reference.is_object() { &reference["type"] } else { &schema["type"][0] }
}

/// Returns what a schema must say about a value of this kind.
fn bounds_of(kind: FieldKind) -> Value {
    let mut bounds = json!({"enum": null, "minimum": null, "maximum": null, "maxLength": null});
    let mut set = |key: &str, value: Value| bounds[key] = value;
    match kind {
        FieldKind::Switch => set("type", json!("boolean")),
        // A schema cannot express bounds that depend on another field.
        FieldKind::Integer { switch: Some(_), .. } => set("type", json!("integer")),
        FieldKind::Integer { bounds, switch: None } => {
            set("type", json!("integer"));
            set("minimum", json!(bounds.min));
            set("maximum", json!(bounds.max));
        }
        FieldKind::Choice(words) => {
            set("type", json!("string"));
            set("enum", json!(words));
        }
        FieldKind::Text(rule) => {
            set("type", json!("string"));
            set("maxLength", json!(length_of(rule)));
        }
        FieldKind::Size { .. } | FieldKind::Count(_) | FieldKind::NumberOrText { .. } => {
            set("type", json!(["string", "number"]));
        }
        FieldKind::Variables | FieldKind::Labels { .. } | FieldKind::Object(_) => set("type", json!("object")),
        FieldKind::Mounts { .. } | FieldKind::Parameters { .. } | FieldKind::Paths { .. } => {
            set("type", json!("array"));
        }
    }
    bounds
}

/// Returns the maximum length of a schema, in characters. The limit of a command is in bytes, which only the
/// description can say.
fn length_of(rule: TextRule) -> Option<usize> {
    match rule {
        TextRule::Free { max_chars } => Some(max_chars),
        TextRule::Image => Some(IMAGE_MAX_BYTES),
        TextRule::AbsolutePath => Some(PATH_BYTES - 1),
        TextRule::Argument | TextRule::InnerDirectory => None,
    }
}

/// Returns the members that the description of an object must name: all members of a mount, and the members of
/// `resource` that give a worker's size.
fn described_members(kind: FieldKind) -> Vec<Member> {
    match kind {
        FieldKind::Mounts { members, .. } => members.to_vec(),
        FieldKind::Object(members) => {
            let is_size = |member: &&Member| matches!(member.kind, FieldKind::Size { .. } | FieldKind::Count(_));
            members.iter().filter(is_size).copied().collect()
        }
        _ => Vec::new(),
    }
}
