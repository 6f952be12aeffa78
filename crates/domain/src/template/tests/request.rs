//! The rules that a template's author sets for requests: parameters, locks, required fields.

use serde_json::{Value, json};

use crate::{
    fault::Fault,
    merge::{Merged, Source},
    samples::{lines, object, template_source},
    template::request::apply_request,
};

fn applied(content: Value, request: Value, values: Value) -> Result<Merged, Vec<String>> {
    let (merged, faults) = asked(content, request, values);
    if faults.is_empty() { Ok(merged) } else { Err(lines(&faults)) }
}

fn asked(content: Value, request: Value, values: Value) -> (Merged, Vec<Fault>) {
    apply_request(&object(content), &template_source(), "alice", &object(request), &object(values))
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
        let mut leaves: Vec<_> = crate::document::leaves(&merged.document).into_iter().map(|(path, _)| path).collect();
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
    // The request's own variable wins over a default and loses to a given value.
    check(none(), json!({"env": {"LR": "2"}}), none(), json!({"LR": "2", "OPT": "sgd"}), &["env.LR"]);
    check(none(), json!({"env": {"LR": "2"}}), json!({"LR": 3}), json!({"LR": 3, "OPT": "sgd"}), &["env.LR"]);
    // `null` for `env` removes the template's variables, not the variables of parameters.
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
        &[
            "parameterValues.EPOCH unknown_field",
            "parameterValues[\"a.b\"] unknown_field",
            "parameterValues.EPOCHS required",
        ],
    );
    let (_, faults) = asked(content, json!({}), json!({"EPOCH": 1}));
    assert_eq!(faults[0].message, "the template has no such parameter; did you mean `EPOCHS`?");
}

#[test]
fn a_locked_path_may_be_repeated_and_not_changed() {
    let content = |locks: Value| {
        json!({
            "image": "i", "env": {"A": "1", "B": "2"}, "resource": {"cpuCores": "1", "x": {"y": 1}},
            "storageConfigs": [{"mountPath": "/data", "onlyRead": true}], "locked": locks,
        })
    };
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
fn a_parameter_sets_its_own_variable_even_if_variables_are_locked() {
    let content =
        json!({"locked": ["env"], "env": {"A": "1"}, "parameters": [{"name": "LR", "type": "number", "default": 1}]});
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
    check(
        json!({"image": null, "storageConfigs": []}),
        json!({"TOKEN": ""}),
        &["image required", "env.TOKEN required", "storageConfigs[\"/data\"] required"],
    );
}

#[test]
fn a_declaration_applies_to_the_parameter_and_to_its_variable() {
    let check = |declaration: Value, value: Value, fits: bool| {
        let mut declaration = declaration;
        declaration["name"] = json!("P");
        let content = json!({"parameters": [declaration]});
        let found = applied(content, json!({"env": {"P": value}}), json!({}));
        match fits {
            true => assert_eq!(found.unwrap().document["env"]["P"], value),
            false => assert_eq!(found.unwrap_err(), ["env.P out_of_range"], "{value}"),
        }
    };
    let bounded = || json!({"type": "integer", "minimum": 1, "maximum": 3, "default": 1});
    check(bounded(), json!(3), true);
    check(bounded(), json!("3"), true);
    check(bounded(), json!("4"), false);
    check(bounded(), json!(4), false);
    check(bounded(), json!(" 3"), false);
    check(bounded(), json!("three"), false);
    check(bounded(), json!(true), false);
    check(json!({"type": "number"}), json!("1e-3"), true);
    check(json!({"type": "boolean"}), json!("false"), true);
    check(json!({"type": "boolean"}), json!("no"), false);
    check(json!({"type": "string"}), json!(7), true);
    check(json!({"type": "string"}), json!({"secret": "wandb"}), true);
    check(json!({"type": "string"}), json!({"secret": "two words"}), false);
    check(json!({"type": "integer"}), json!({"secret": "wandb"}), false);
    check(json!({"type": "choice", "choices": ["7"]}), json!({"secret": "wandb"}), false);
    check(json!({"type": "choice", "choices": ["7", "8"]}), json!(7), true);
    check(json!({"type": "choice", "choices": ["7", "8"]}), json!("9"), false);
    // A variable that is `null` has the default again, and a value in `parameterValues` wins.
    let content = json!({"parameters": [{"name": "P", "type": "integer", "default": 5}], "env": {"P": 1}});
    assert_eq!(applied(content.clone(), json!({"env": {"P": null}}), json!({})).unwrap().document["env"]["P"], 5);
    assert_eq!(applied(content, json!({"env": {"P": "x"}}), json!({"P": 6})).unwrap().document["env"]["P"], 6);
}

#[test]
fn a_parameter_may_name_a_secret_by_its_default_or_its_value() {
    let content = |default: Value| json!({"parameters": [{"name": "P", "type": "string", "default": default}]});
    let secret = |name: &str| json!({"secret": name});
    let variable = |content: Value, values: Value| {
        let merged = applied(content, json!({}), values).unwrap();
        let sources: Vec<_> = merged.provenance.keys().map(String::as_str).collect();
        assert_eq!(sources, ["env.P"]);
        merged.document["env"]["P"].clone()
    };
    assert_eq!(variable(content(secret("team")), json!({})), secret("team"));
    assert_eq!(variable(content(secret("team")), json!({"P": secret("own")})), secret("own"));
    assert_eq!(variable(content(secret("team")), json!({"P": "plain"})), json!("plain"));
    check_refused(content(json!("x")), json!({}), json!({"P": {"secret": ""}}), &["parameterValues.P out_of_range"]);
    check_refused(content(json!("x")), json!({}), json!({"P": {"secrets": "a"}}), &["parameterValues.P out_of_range"]);
}

#[test]
fn a_locked_variable_keeps_its_secret() {
    let content = json!({"locked": ["env.KEY"], "env": {"KEY": {"secret": "team"}}});
    applied(content.clone(), json!({"env": {"KEY": {"secret": "team"}}}), json!({})).unwrap();
    for other in [json!({"secret": "mine"}), json!("plain"), json!(null)] {
        check_refused(content.clone(), json!({"env": {"KEY": other}}), json!({}), &["env.KEY locked"]);
    }
}

#[test]
fn a_refusal_names_the_rule_and_its_author() {
    let content = json!({"locked": ["image"], "required": ["workDir"], "image": "i",
        "parameters": [{"name": "N", "type": "integer", "maximum": 3}, {"name": "M", "type": "string", "required": true}]});
    let (_, faults) = asked(content, json!({"image": "j"}), json!({"N": 4}));
    let said: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect();
    let by = "alice in template tpl_07070707070707070707 v3";
    assert_eq!(
        said,
        [
            format!("image: `image` is locked by {by}; leave it out of the request"),
            format!("parameterValues.N: must be at most 3 (set by {by})"),
            format!("parameterValues.M: a value for this parameter is required by {by}"),
            format!("workDir: is required by {by}; give a value"),
        ]
    );
}
