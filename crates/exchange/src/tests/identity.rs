//! Templates as YAML and JSON: an import reads back exactly what an export wrote.

use trainyard_domain::samples::published;

use super::*;

#[track_caller]
fn check(document: &Document) {
    for format in [Format::Yaml, Format::Json] {
        let Exported { text, notes } = exported(document, format);
        assert_eq!(notes, crate::secrets::kept(document));
        for said in [Some(format), None] {
            let back = import(&text, said).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            assert_eq!(&back.body, document, "{text}");
            // Objects are equal whatever the order of their keys; their texts are not.
            assert_eq!(Value::Object(back.body).to_string(), Value::Object(document.clone()).to_string());
            assert_eq!(back.unmapped, []);
        }
    }
}

#[test]
fn the_published_sample_comes_back() {
    check(&document(published()));
}

#[test]
fn text_that_looks_like_something_else_comes_back_as_text() {
    for text in NASTY {
        check(&document(json!({"name": "a", "startCommand": text, "env": {"A": text}, "labels": {"b": text}})));
        check(&document(json!({"name": "a", "resource": {*text: {*text: [text, [text]]}}})));
    }
}

#[test]
fn numbers_keep_their_text() {
    for number in
        ["18446744073709551615", "-9223372036854775808", "0.1", "1.0", "-0.0", "1e300", "5e-324", "123456789.125"]
    {
        let value: Value = serde_json::from_str(number).unwrap();
        check(&document(json!({"name": "a", "env": {"N": value}, "resource": {"x": [value]}})));
    }
}

#[test]
fn keys_keep_their_order() {
    let text = "z: 1\nname: a\nb: 2\n";
    let keys: Vec<String> = imported(text).body.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "name", "b"]);
}

#[test]
fn fields_that_the_server_adds_to_a_record_are_dropped_and_all_others_are_kept() {
    let text = r#"{"id": "tpl_1", "version": 3, "revision": 4, "createBy": "alice", "createdTimeMs": 1, "runnable": true,
        "warnings": [], "name": "a", "typo": 1}"#;
    assert_eq!(Value::Object(imported(text).body), json!({"name": "a", "typo": 1}));
}

proptest! {
    #[test]
    fn every_template_comes_back(document in any_template()) {
        check(&document);
    }
}
