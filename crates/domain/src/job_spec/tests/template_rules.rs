//! The checks of the fields that only templates have.

use serde_json::{Value, json};

use super::{check_faults, check_kept};

#[test]
fn visibility_is_one_of_three_words() {
    for word in ["private", "project", "public"] {
        check_kept(json!({"visibility": word}), json!({"visibility": word}));
    }
    check_faults(json!({"visibility": "Public"}), &["visibility not_a_choice"]);
    check_faults(json!({"visibility": true}), &["visibility wrong_type"]);
}

#[test]
fn locks_and_required_fields_are_paths_of_fields() {
    for key in ["locked", "required"] {
        let paths = json!({key: ["resource.gpuCount", "env[\"a.b\"]", "storageConfigs[\"/data/\"].onlyRead", "image"]});
        check_kept(paths.clone(), paths);
        let at = |place: usize, code: &str| format!("{key}[{place}] {code}");
        let faults = [
            at(0, "unknown_field"),
            at(1, "wrong_type"),
            at(2, "malformed"),
            at(3, "malformed"),
            at(4, "malformed"),
            at(5, "unknown_field"),
            at(6, "malformed"),
        ];
        check_faults(
            json!({key: ["resources.gpuCount", 1, "", "storageConfigs[0]", "env[\"A", "name", "env.A\0"]}),
            &faults.each_ref().map(String::as_str),
        );
        check_faults(json!({key: "image"}), &[&format!("{key} wrong_type")]);
    }
}

#[test]
fn a_parameter_is_declared_in_full() {
    let fine = json!({"parameters": [
        {"name": "LR", "type": "number", "default": 0.1, "minimum": 0, "maximum": 1, "description": "learning rate"},
        {"name": "EPOCHS", "type": "integer", "required": true},
        {"name": "FAST", "type": "boolean", "default": false},
        {"name": "NOTE", "type": "string", "default": null},
        {"name": "OPT", "type": "choice", "choices": ["sgd", "adam"], "default": "sgd"},
    ]});
    check_kept(fine.clone(), fine);
    let check = |declaration: Value, faults: &[&str]| {
        let faults: Vec<_> = faults.iter().map(|fault| format!("parameters[0].{fault}")).collect();
        let faults: Vec<_> = faults.iter().map(String::as_str).collect();
        check_faults(json!({"parameters": [declaration]}), &faults);
    };
    check(json!({"type": "string"}), &["name malformed"]);
    check(json!({"name": "1A", "type": "string"}), &["name malformed"]);
    check(json!({"name": "A-B", "type": "string"}), &["name malformed"]);
    check(json!({"name": "A"}), &["type not_a_choice"]);
    check(json!({"name": "A", "type": "int"}), &["type not_a_choice"]);
    check(json!({"name": "A", "type": "string", "defualt": 1}), &["defualt unknown_field"]);
    check(json!({"name": "A", "type": "string", "required": "yes"}), &["required wrong_type"]);
    check(json!({"name": "A", "type": "string", "description": 1}), &["description wrong_type"]);
    check(json!({"name": "A", "type": "string", "minimum": 1}), &["minimum not_supported"]);
    check(json!({"name": "A", "type": "string", "choices": ["x"]}), &["choices not_supported"]);
    check(json!({"name": "A", "type": "integer", "maximum": "9"}), &["maximum wrong_type"]);
    check(json!({"name": "A", "type": "integer", "minimum": 2, "maximum": 1}), &["minimum out_of_range"]);
    check(json!({"name": "A", "type": "integer", "minimum": 2, "maximum": 2}), &[]);
    check(json!({"name": "A", "type": "integer", "default": 1.5}), &["default out_of_range"]);
    check(json!({"name": "A", "type": "integer", "default": 3, "maximum": 2}), &["default out_of_range"]);
    check(json!({"name": "A", "type": "string", "default": "x".repeat(131_072)}), &["default out_of_range"]);
    check(json!({"name": "A", "type": "choice"}), &["choices required"]);
    check(json!({"name": "A", "type": "choice", "choices": []}), &["choices required"]);
    check(json!({"name": "A", "type": "choice", "choices": [1]}), &["choices required"]);
    check(json!({"name": "A", "type": "choice", "choices": ["x"], "default": "y"}), &["default out_of_range"]);
    check(json!({"name": "A", "type": "string", "description": "\0"}), &["description malformed"]);
    check(json!({"name": "A", "type": "choice", "choices": ["a\0"]}), &["choices malformed"]);
}

#[test]
fn two_parameters_cannot_have_one_name() {
    check_faults(
        json!({"parameters": [{"name": "A", "type": "string"}, 1, {"name": "A", "type": "string"}]}),
        &["parameters[1] wrong_type", "parameters[2].name duplicate"],
    );
    let many: Vec<_> = (0..65).map(|n| json!({"name": format!("P{n}"), "type": "string"})).collect();
    check_faults(json!({"parameters": many}), &["parameters out_of_range"]);
}
