use clap::Parser;
use serde_json::json;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: CreateArgs,
}

#[test]
fn a_file_alone_is_the_whole_job_unless_it_says_otherwise() {
    let check = |file: Value, from_template, expected: Value| {
        assert_eq!(Value::Object(body(file.as_object().unwrap().clone(), from_template)), expected);
    };
    check(json!({"priority": 1}), false, json!({"priority": 1, "createType": "CUSTOM"}));
    check(json!({"createType": "CUSTOM"}), true, json!({"createType": "TEMPLATE"}));
    let whole = json!({"createType": "TEMPLATE", "templateId": "tpl_1"});
    check(whole.clone(), false, whole);
}

#[test]
fn a_job_needs_a_template_a_file_or_settings() {
    let Err(error) = Line::try_parse_from(["create", "--name", "a"]) else { panic!("accepted without a source") };
    let message = error.to_string();
    assert!(["--template", "--file", "--set"].iter().all(|way| message.contains(way)), "{message}");
    assert!(Line::try_parse_from(["create", "--set", "startCommand=true"]).is_ok());
    assert!(Line::try_parse_from(["create", "-f", "x", "--version", "2"]).is_err());
    assert!(Line::try_parse_from(["create", "-f", "x", "--param", "A=1"]).is_err());
    assert!(Line::try_parse_from(["create", "--template", "t", "--version", "2", "--param", "A=1"]).is_ok());
}
