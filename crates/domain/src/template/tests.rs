//! Templates: their creation from a body, and updates.

mod request;

use serde_json::{Map, Value, json};

use super::*;
use crate::samples::{at, lines, object, published};

fn template(body: Value) -> Template {
    let input = TemplateInput::parse(&body).unwrap();
    Template {
        id: TemplateId::from_random([7; 10]),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        name: input.name.as_str().to_owned(),
        visibility: input.visibility,
        revision: 1,
        version: 1,
        latest_version: 1,
        archived: false,
        described: input.described,
        content: input.content,
        version_by: "alice".to_owned(),
        version_created: at(0),
        comment: input.comment,
        created: at(0),
        updated: at(0),
        jobs_made: 0,
        last_used: None,
    }
}

#[test]
fn a_body_becomes_a_template_with_every_value_as_it_was_sent() {
    let input = TemplateInput::parse(&published()).unwrap();
    assert_eq!(input.name.as_str(), "my training task");
    assert_eq!(input.visibility, Visibility::Project);
    assert_eq!(input.described, object(json!({"desc": "my training task"})));
    assert_eq!(Value::Object(template(published()).document()), published());
}

#[test]
fn only_a_name_is_required_and_all_faults_come_at_once() {
    let check = |body: Value, faults: &[&str]| match TemplateInput::parse(&body) {
        Ok(_) => assert_eq!(faults, Vec::<&str>::new(), "{body}"),
        Err(found) => assert_eq!(lines(&found), faults, "{body}"),
    };
    check(json!({"name": "a"}), &[]);
    check(json!({}), &["name required"]);
    check(json!({"name": null}), &["name required"]);
    check(json!({"name": 5}), &["name wrong_type"]);
    check(json!({"name": ""}), &["name malformed"]);
    check(
        json!({"name": " a", "priority": 9, "x": 1}),
        &["name malformed", "priority out_of_range", "x unknown_field"],
    );
    for body in [json!([]), json!("a"), json!(null), json!(1)] {
        check(body, &[" wrong_type"]);
    }
}

#[test]
fn a_change_of_content_creates_a_version_and_a_change_of_the_description_does_not() {
    let body = json!({"name": "a", "desc": "d", "labels": {"x": "y"}, "visibility": "public", "image": "i", "locked": ["image"],
                      "workDir": "/w"});
    let input = TemplateInput::parse(&body).unwrap();
    assert_eq!(input.described, object(json!({"desc": "d", "labels": {"x": "y"}, "visibility": "public"})));
    assert_eq!(input.content, object(json!({"image": "i", "locked": ["image"], "workDir": "/w"})));
    assert_eq!(input.visibility, Visibility::Public);
}

#[test]
fn an_update_unsets_published_fields_left_out_and_keeps_ours() {
    let current = template(json!({
        "name": "a", "desc": "d", "image": "i", "priority": 3, "labels": {"x": "y"}, "visibility": "private", "workDir": "/w",
        "timeoutSeconds": 5, "parameters": [{"name": "P", "type": "string"}], "locked": ["image"], "required": ["env"],
    }));
    let check = |body: Value, after: Value| {
        let input = TemplateInput::parse_update(&body, &current).unwrap();
        let mut document = input.described.clone();
        document.extend(input.content.clone());
        assert_eq!(Value::Object(document), after);
        input.visibility
    };
    let ours = json!({
        "labels": {"x": "y"}, "visibility": "private", "workDir": "/w", "timeoutSeconds": 5,
        "parameters": [{"name": "P", "type": "string"}], "locked": ["image"], "required": ["env"],
    });
    assert_eq!(check(json!({"name": "a"}), ours), Visibility::Private);
    let given = json!({"name": "a", "desc": "e", "labels": {}, "visibility": null, "workDir": null, "timeoutSeconds": 6, "parameters": [],
                       "locked": null, "required": []});
    let after = json!({"desc": "e", "labels": {}, "timeoutSeconds": 6, "parameters": [], "required": []});
    assert_eq!(check(given, after), Visibility::Project);
    assert_eq!(
        lines(&TemplateInput::parse_update(&json!({"image": 1}), &current).unwrap_err()),
        ["name required", "image wrong_type"]
    );
}

#[test]
fn a_record_can_be_sent_back_and_changes_nothing() {
    let current = template(published());
    let mut record = current.document();
    record.extend(object(
        json!({"id": "tpl_x", "version": 1, "revision": 1, "createBy": "alice", "createdTime": "x", "runnable": true}),
    ));
    let input = TemplateInput::parse_update(&Value::Object(record), &current).unwrap();
    assert!(current.matches_input(&input));
}

#[test]
fn templates_are_equal_whatever_the_order_of_their_keys() {
    let matches_input =
        |left: Value, right: Value| template(left).matches_input(&TemplateInput::parse(&right).unwrap());
    let with = |key: &str, value: Value| {
        let mut body = published();
        body[key] = value;
        body
    };
    let reversed: Map<_, _> = object(published()).into_iter().rev().collect();
    assert!(matches_input(published(), Value::Object(reversed)));
    let env = serde_json::from_str(r#"{"MAX_CONN": "200", "ENV_MODE": "production"}"#).unwrap();
    assert!(matches_input(published(), with("env", env)));
    assert!(matches_input(published(), with("workDir", json!(null))));
    assert!(matches_input(published(), with("version", json!(9))));
    assert!(matches_input(json!({"name": "caf\u{e9}"}), json!({"name": "cafe\u{301}"})));
    assert!(!matches_input(published(), with("priority", json!(2))));
    assert!(!matches_input(published(), with("desc", json!("other"))));
    assert!(!matches_input(published(), with("env", json!({"ENV_MODE": "production", "MAX_CONN": 200}))));
    assert!(!matches_input(published(), with("name", json!("other"))));
}
