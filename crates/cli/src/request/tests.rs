use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    template: Option<String>,
    #[command(flatten)]
    args: RequestArgs,
}

fn args(line: &[&str]) -> RequestArgs {
    Line::try_parse_from([&["x", "t"], line].concat()).unwrap().args
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn settings_win_over_the_file() {
    let args = args(&["--version", "3", "--name", "n", "--set", "resource.gpuCount=2", "--set", "priority=1"]);
    let file = object(json!({"priority": 3, "resource": {"cpuCores": "4"}}));
    let expected =
        json!({"priority": 1, "resource": {"cpuCores": "4", "gpuCount": 2}, "templateVersion": 3, "name": "n"});
    assert_eq!(args.over(file).map(Value::Object), Ok(expected));
}

#[test]
fn parameters_are_of_the_type_that_the_template_declares() {
    let declared: Vec<Parameter> = serde_json::from_value(json!([
        {"name": "EPOCHS", "type": "integer"}, {"name": "TAG", "type": "string"},
        {"name": "SIZE", "type": "choice", "choices": ["1", "2"]}, {"name": "ON", "type": "boolean"}
    ]))
    .unwrap();
    let line = ["EPOCHS=3", "TAG=2026", "SIZE=1", "ON=true", "WHO=me=you", "OTHER=1"];
    let line: Vec<&str> = line.iter().flat_map(|param| ["--param", param]).collect();
    let mut body = object(json!({"parameterValues": {"EPOCHS": 1, "KEPT": 1}}));
    args(&line).set_parameters(&declared, &mut body).unwrap();
    let expected = json!({"EPOCHS": 3, "KEPT": 1, "TAG": "2026", "SIZE": "1", "ON": true, "WHO": "me=you", "OTHER": 1});
    assert_eq!(body["parameterValues"], expected);
}

#[test]
fn an_invalid_assignment_is_quoted_in_the_error() {
    assert_eq!(args(&["--param", "EPOCHS"]).over(Map::new()), Err("\"EPOCHS\" is not NAME=VALUE".to_owned()));
}
