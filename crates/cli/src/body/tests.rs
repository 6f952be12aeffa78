use serde_json::json;

use super::*;

fn check(text: &str, expected: Value) {
    assert_eq!(parse(text).map(Value::Object), Ok(expected), "{text}");
}

#[test]
fn values_keep_their_types() {
    check(
        "name: a\nresource:\n  gpuCount: \"1\"\n  cpuCores: 1\n  memoryGB: 1.5\nenv: {ON: true, YES: yes, D: 2026-11-02, N: ~}\n",
        json!({"name": "a", "resource": {"gpuCount": "1", "cpuCores": 1, "memoryGB": 1.5},
            "env": {"ON": true, "YES": "yes", "D": "2026-11-02", "N": null}}),
    );
    check(r#"{"a": "1", "b": 1, "c": [{"d": null}]}"#, json!({"a": "1", "b": 1, "c": [{"d": null}]}));
    check("{a: 1}", json!({"a": 1}));
    check("\u{feff}a: 1", json!({"a": 1}));
}

#[test]
fn fields_keep_their_order() {
    let keys: Vec<String> = parse("z: 1\na: 2\nm: 3").unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "a", "m"]);
}

#[test]
fn faults_say_what_is_wrong() {
    for (text, part) in [
        ("", "the text is empty"),
        ("[1]", "the text is a list"),
        ("{\"a\": [}", "the text is not JSON: expected value at line 1"),
        (r#"{"a": 1, "a": 2}"#, r#"the member "a" appears twice"#),
        ("a: [", "the text is not YAML"),
        ("a: 1\na: 2", "the key \"a\" appears twice"),
        ("a: 1\n---\nb: 2", "the text has several documents"),
        ("just text", "the text is a string; write an object"),
    ] {
        let why = parse(text).unwrap_err();
        assert!(why.contains(part), "{text}: {why}");
    }
}
