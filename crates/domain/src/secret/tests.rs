//! The rules for texts and names of secrets, and which values are references.

use serde_json::json;

use super::*;

#[test]
fn a_text_is_one_byte_to_64_kib_without_nul_and_never_printed() {
    for (text, expected) in [
        ("hunter2".to_owned(), Ok(())),
        ("with\nlines and 密".to_owned(), Ok(())),
        ("x".repeat(SECRET_MAX_BYTES), Ok(())),
        (String::new(), Err("must not be empty")),
        ("x".repeat(SECRET_MAX_BYTES + 1), Err("must have at most 64 KiB")),
        ("a\0b".to_owned(), Err("must not contain a NUL character")),
    ] {
        let parsed = SecretText::parse(text.as_str());
        assert_eq!(
            parsed.as_ref().map(SecretText::reveal).map_err(|rule| *rule),
            expected.map(|()| text.as_str()),
            "{} bytes",
            text.len()
        );
        assert_eq!(format!("{:?}", parsed.ok()), if expected.is_ok() { "Some(***)" } else { "None" });
    }
}

#[test]
fn a_reference_is_an_object_with_the_name_of_a_secret_and_nothing_else() {
    let form = "must be text, a number, a Boolean, or the name of a secret as {\"secret\": \"NAME\"}";
    for (value, name, rule) in [
        (json!({"secret": "wandb"}), Some("wandb"), None),
        (json!({"secret": "a.b_c-d@e"}), Some("a.b_c-d@e"), None),
        (json!({"secret": "two words"}), None, Some("the name of a secret must have 1 to 64 letters")),
        (json!({"secret": ""}), None, Some("the name of a secret must have 1 to 64 letters")),
        (json!({"secret": 7}), None, Some(form)),
        (json!({"secret": null}), None, Some(form)),
        (json!({"secret": "wandb", "more": 1}), None, Some(form)),
        (json!({"name": "wandb"}), None, Some(form)),
        (json!({}), None, Some(form)),
    ] {
        assert_eq!(reference(&value), name, "{value}");
        let refused = check_reference(value.as_object().unwrap()).err();
        assert_eq!(refused.is_some(), rule.is_some(), "{value}");
        let said = refused.map(|(_, rule)| rule).unwrap_or_default();
        assert!(said.starts_with(rule.unwrap_or_default()), "{value}: {said}");
    }
    for value in [json!("wandb"), json!(1), json!(["secret"]), json!(null)] {
        assert_eq!(reference(&value), None, "{value}");
    }
}

#[test]
fn the_references_of_a_document_are_those_in_env() {
    let document = json!({
        "env": {"A": "text", "WANDB_API_KEY": {"secret": "wandb"}, "odd": {"secret": 1}},
        "resource": {"note": {"secret": "other"}},
    });
    let found: Vec<_> = references(document.as_object().unwrap()).collect();
    assert_eq!(found, [("WANDB_API_KEY", "wandb")]);
    assert_eq!(references(json!({}).as_object().unwrap()).count(), 0);
}

#[test]
fn some_names_of_variables_say_that_the_value_is_a_secret() {
    for (name, expected) in [
        ("HF_TOKEN", true),
        ("TOKEN", true),
        ("WANDB_API_KEY", true),
        ("key", true),
        ("AWS_SECRET_ACCESS_KEY", true),
        ("DB_PASSWORD", true),
        ("PASSWORD_FILE", true),
        ("ClientSecret", true),
        ("OPENAI_APIKEY", true),
        ("MONKEY", false),
        ("TOKENS", false),
        ("TOKENIZERS_PARALLELISM", false),
        ("KEYBOARD", false),
        ("PATH", false),
    ] {
        assert_eq!(is_secret_name(name), expected, "{name}");
    }
}
