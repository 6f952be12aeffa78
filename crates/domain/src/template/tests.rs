//! Templates: bodies that become one, updates, and what their authors ask of requests.

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    merge::{Merged, Source},
    samples::{lines, object, published, template_source},
};

fn template(body: Value) -> Template {
    let draft = Draft::parse(&body).unwrap();
    Template {
        id: TemplateId::from_random([7; 10]),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        name: draft.name.as_str().to_owned(),
        visibility: draft.visibility,
        revision: 1,
        version: 1,
        described: draft.described,
        content: draft.content,
        created: 0,
        updated: 0,
    }
}

#[test]
fn a_body_becomes_a_template_with_every_value_as_it_was_sent() {
    let draft = Draft::parse(&published()).unwrap();
    assert_eq!(draft.name.as_str(), "my training task");
    assert_eq!(draft.visibility, Visibility::Project);
    assert_eq!(draft.described, object(json!({"desc": "my training task"})));
    assert_eq!(Value::Object(template(published()).document()), published());
}

#[test]
fn only_a_name_is_required_and_all_faults_come_at_once() {
    let check = |body: Value, faults: &[&str]| match Draft::parse(&body) {
        Ok(_) => assert_eq!(faults, Vec::<&str>::new(), "{body}"),
        Err(found) => assert_eq!(lines(&found), faults, "{body}"),
    };
    check(json!({"name": "a"}), &[]);
    check(json!({}), &["name required"]);
    check(json!({"name": null}), &["name required"]);
    check(json!({"name": 5}), &["name wrong_type"]);
    check(json!({"name": ""}), &["name malformed"]);
    check(json!({"name": " a", "priority": 9, "x": 1}), &["name malformed", "priority out_of_range", "x unknown_field"]);
    for body in [json!([]), json!("a"), json!(null), json!(1)] {
        check(body, &[" wrong_type"]);
    }
}

#[test]
fn content_makes_versions_and_description_does_not() {
    let body = json!({"name": "a", "desc": "d", "labels": {"x": "y"}, "visibility": "public", "image": "i", "locked": ["image"],
                      "workDir": "/w"});
    let draft = Draft::parse(&body).unwrap();
    assert_eq!(draft.described, object(json!({"desc": "d", "labels": {"x": "y"}, "visibility": "public"})));
    assert_eq!(draft.content, object(json!({"image": "i", "locked": ["image"], "workDir": "/w"})));
    assert_eq!(draft.visibility, Visibility::Public);
}

#[test]
fn an_update_unsets_published_fields_left_out_and_keeps_ours() {
    let current = template(json!({
        "name": "a", "desc": "d", "image": "i", "priority": 3, "labels": {"x": "y"}, "visibility": "private", "workDir": "/w",
        "timeoutSeconds": 5, "parameters": [{"name": "P", "type": "string"}], "locked": ["image"], "required": ["env"],
    }));
    let check = |body: Value, after: Value| {
        let draft = Draft::parse_update(&body, &current).unwrap();
        let mut document = draft.described.clone();
        document.extend(draft.content.clone());
        assert_eq!(Value::Object(document), after);
        draft.visibility
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
    assert_eq!(lines(&Draft::parse_update(&json!({"image": 1}), &current).unwrap_err()), ["name required", "image wrong_type"]);
}

#[test]
fn what_was_read_can_be_written_back_and_says_the_same() {
    let current = template(published());
    let mut record = current.document();
    record.extend(object(json!({"id": "tpl_x", "version": 1, "revision": 1, "createBy": "alice", "createdTime": "x", "runnable": true})));
    let draft = Draft::parse_update(&Value::Object(record), &current).unwrap();
    assert!(current.says_the_same(&draft));
}

#[test]
fn two_templates_say_the_same_whatever_the_order_of_their_keys() {
    let says_the_same = |left: Value, right: Value| template(left).says_the_same(&Draft::parse(&right).unwrap());
    let with = |key: &str, value: Value| {
        let mut body = published();
        body[key] = value;
        body
    };
    let reversed: Map<_, _> = object(published()).into_iter().rev().collect();
    assert!(says_the_same(published(), Value::Object(reversed)));
    let env = serde_json::from_str(r#"{"MAX_CONN": "200", "ENV_MODE": "production"}"#).unwrap();
    assert!(says_the_same(published(), with("env", env)));
    assert!(says_the_same(published(), with("workDir", json!(null))));
    assert!(says_the_same(published(), with("version", json!(9))));
    assert!(says_the_same(json!({"name": "caf\u{e9}"}), json!({"name": "cafe\u{301}"})));
    assert!(!says_the_same(published(), with("priority", json!(2))));
    assert!(!says_the_same(published(), with("desc", json!("other"))));
    assert!(!says_the_same(published(), with("env", json!({"ENV_MODE": "production", "MAX_CONN": 200}))));
    assert!(!says_the_same(published(), with("name", json!("other"))));
}

fn applied(content: Value, request: Value, values: Value) -> Result<Merged, Vec<String>> {
    apply_request(&object(content), &template_source(), &object(request), &object(values)).map_err(|faults| lines(&faults))
}

#[track_caller]
fn check_refused(content: Value, request: Value, values: Value, faults: &[&str]) {
    assert_eq!(applied(content, request, values).unwrap_err(), faults);
}

#[test]
fn parameters_reach_the_job_as_variables() {
    let declared = json!([
        {"name": "LR", "type": "number", "default": 0.1},
        {"name": "EPOCHS", "type": "integer"},
        {"name": "OPT", "type": "choice", "choices": ["sgd", "adam"], "default": "sgd"},
    ]);
    let check = |env: Value, request: Value, values: Value, result: Value, requested: &[&str]| {
        let content = json!({"parameters": declared, "env": env, "image": "i"});
        let merged = applied(content, request, values).unwrap();
        assert_eq!(merged.document["env"], result);
        assert_eq!(merged.document.get("parameters"), None);
        let paths = merged.provenance.iter().filter(|(_, source)| **source == Source::Request);
        assert_eq!(paths.map(|(path, _)| path.as_str()).collect::<Vec<_>>(), requested);
        let mut leaves: Vec<_> = crate::merge::leaves(&merged.document).into_iter().map(|(path, _)| path).collect();
        leaves.sort();
        assert_eq!(leaves, merged.provenance.into_keys().collect::<Vec<_>>());
    };
    let none = || json!({});
    check(none(), none(), none(), json!({"LR": 0.1, "OPT": "sgd"}), &[]);
    check(json!({"A": "1", "LR": "9"}), none(), none(), json!({"A": "1", "LR": 0.1, "OPT": "sgd"}), &[]);
    check(
        json!({"A": "1"}),
        json!({"env": {"B": "2"}}),
        json!({"LR": 0.5, "EPOCHS": 3, "OPT": null}),
        json!({"A": "1", "B": "2", "LR": 0.5, "EPOCHS": 3, "OPT": "sgd"}),
        &["env.B", "env.EPOCHS", "env.LR"],
    );
    // The request's own variable is over a default and under a given value.
    check(none(), json!({"env": {"LR": "2"}}), none(), json!({"LR": "2", "OPT": "sgd"}), &["env.LR"]);
    check(none(), json!({"env": {"LR": "2"}}), json!({"LR": 3}), json!({"LR": 3, "OPT": "sgd"}), &["env.LR"]);
    // Unsetting all variables unsets the template's, not what the parameters say.
    check(json!({"A": "1"}), json!({"env": null}), json!({"LR": 3}), json!({"LR": 3, "OPT": "sgd"}), &["env.LR"]);
}

#[test]
fn a_parameters_value_is_of_its_type_and_within_its_bounds() {
    let check = |declaration: Value, value: Value, fits: bool| {
        let mut declaration = declaration;
        declaration["name"] = json!("P");
        let result = applied(json!({"parameters": [declaration]}), json!({}), json!({"P": value}));
        if fits {
            assert_eq!(result.unwrap().document["env"]["P"], value);
        } else {
            assert_eq!(result.unwrap_err(), ["parameterValues.P out_of_range"], "{value}");
        }
    };
    let bounded = |kind: &str| json!({"type": kind, "minimum": 1, "maximum": 3});
    check(bounded("integer"), json!(1), true);
    check(bounded("integer"), json!(3), true);
    check(bounded("integer"), json!(0), false);
    check(bounded("integer"), json!(4), false);
    check(bounded("integer"), json!(1.5), false);
    check(bounded("integer"), json!("2"), false);
    check(bounded("number"), json!(1.5), true);
    check(bounded("number"), json!(3.1), false);
    check(json!({"type": "boolean"}), json!(true), true);
    check(json!({"type": "boolean"}), json!("true"), false);
    check(json!({"type": "string"}), json!(""), true);
    check(json!({"type": "string"}), json!(1), false);
    check(json!({"type": "string"}), json!("a\0"), false);
    check(json!({"type": "string"}), json!("x".repeat(131_069)), true);
    check(json!({"type": "string"}), json!("x".repeat(131_070)), false);
    check(json!({"type": "choice", "choices": ["a", "b"]}), json!("b"), true);
    check(json!({"type": "choice", "choices": ["a", "b"]}), json!("c"), false);
    check(json!({"type": "choice", "choices": ["a", "b"]}), json!(["a"]), false);
}

#[test]
fn a_parameter_that_is_required_or_unknown_is_named() {
    let content = json!({"parameters": [{"name": "EPOCHS", "type": "integer", "required": true}]});
    check_refused(content.clone(), json!({}), json!({}), &["parameterValues.EPOCHS required"]);
    check_refused(content.clone(), json!({}), json!({"EPOCHS": null}), &["parameterValues.EPOCHS required"]);
    check_refused(
        content.clone(),
        json!({}),
        json!({"EPOCH": 1, "a.b": 1}),
        &["parameterValues.EPOCH unknown_field", "parameterValues[\"a.b\"] unknown_field", "parameterValues.EPOCHS required"],
    );
    let faults = apply_request(&object(content), &Source::Request, &Map::new(), &object(json!({"EPOCH": 1}))).unwrap_err();
    assert_eq!(faults[0].message, "the template has no such parameter; did you mean `EPOCHS`?");
}

#[test]
fn a_locked_path_may_be_repeated_and_not_changed() {
    let content = |locks: Value| json!({
        "image": "i", "env": {"A": "1", "B": "2"}, "resource": {"cpuCores": "1", "x": {"y": 1}},
        "storageConfigs": [{"mountPath": "/data", "onlyRead": true}], "locked": locks,
    });
    let refused = |lock: &str, request: Value, faults: &[&str]| {
        let faults: Vec<_> = faults.iter().map(|path| format!("{path} locked")).collect();
        let found = applied(content(json!([lock])), request, json!({})).err().unwrap_or_default();
        assert_eq!(found, faults, "{lock}");
    };
    refused("image", json!({"image": "j"}), &["image"]);
    refused("image", json!({"image": null}), &["image"]);
    refused("image", json!({"image": "i", "priority": 3}), &[]);
    refused("env", json!({"env": {"A": "1"}}), &[]);
    refused("env", json!({"env": {}}), &[]);
    refused("env", json!({"env": {"C": "3"}}), &["env.C"]);
    refused("env", json!({"env": {"C": null}}), &[]);
    refused("env", json!({"env": null}), &["env.A", "env.B"]);
    refused("env.A", json!({"env": null}), &["env.A"]);
    refused("env.A", json!({"env": {"B": "9"}}), &[]);
    refused("env[\"A\"]", json!({"env": {"A": "9"}}), &["env.A"]);
    refused("resource.cpuCores", json!({"resource": {}}), &[]);
    refused("resource.cpuCores", json!({"resource": {"cpuCores": 1}}), &["resource.cpuCores"]);
    refused("resource.gpuCount", json!({"resource": {"gpuCount": 1}}), &["resource.gpuCount"]);
    refused("resource.x", json!({"resource": {"x": 5}}), &["resource.x", "resource.x.y"]);
    refused("storageConfigs", json!({"storageConfigs": []}), &[]);
    refused("storageConfigs", json!({"storageConfigs": [{"mountPath": "/b"}]}), &["storageConfigs[\"/b\"].mountPath"]);
    refused(
        "storageConfigs[\"/data/\"].onlyRead",
        json!({"storageConfigs": [{"mountPath": "/data"}]}),
        &["storageConfigs[\"/data\"].onlyRead"],
    );
    refused("storageConfigs[\"/other\"]", json!({"storageConfigs": null}), &[]);
}

#[test]
fn a_parameter_opens_its_own_variable_even_where_variables_are_locked() {
    let content = json!({"locked": ["env"], "env": {"A": "1"}, "parameters": [{"name": "LR", "type": "number", "default": 1}]});
    let merged = applied(content, json!({}), json!({"LR": 2})).unwrap();
    assert_eq!(merged.document["env"], json!({"A": "1", "LR": 2}));
}

#[test]
fn a_required_path_must_have_a_value_in_the_end() {
    let check = |request: Value, values: Value, faults: &[&str]| {
        let content = json!({"required": ["image", "env.TOKEN", "storageConfigs[\"/data/\"]"], "image": "",
                             "parameters": [{"name": "TOKEN", "type": "string"}]});
        let found = applied(content, request, values).err().unwrap_or_default();
        assert_eq!(found, faults);
    };
    let mount = json!([{"mountPath": "/data"}]);
    check(json!({}), json!({}), &["image required", "env.TOKEN required", "storageConfigs[\"/data\"] required"]);
    check(json!({"image": "i", "env": {"TOKEN": "t"}, "storageConfigs": mount}), json!({}), &[]);
    check(json!({"image": "i", "storageConfigs": mount}), json!({"TOKEN": "t"}), &[]);
    check(json!({"image": null, "storageConfigs": []}), json!({"TOKEN": ""}), &["image required", "env.TOKEN required", "storageConfigs[\"/data\"] required"]);
}
