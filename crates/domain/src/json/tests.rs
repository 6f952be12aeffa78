//! JSON that is read exactly, and JSON that is refused because reading would lose a part of it.

use serde_json::json;

use super::*;

#[test]
fn valid_json_is_parsed_without_a_change() {
    for (text, value) in [
        (r#"{"a": [1, -2, 1.0, true, null, "é"]}"#, json!({"a": [1, -2, 1.0, true, null, "é"]})),
        ("\u{feff}{}", json!({})),
        (r#"{"a": {"b": 1}, "b": 1}"#, json!({"a": {"b": 1}, "b": 1})),
        ("18446744073709551615", json!(u64::MAX)),
    ] {
        assert_eq!(read(text.as_bytes()), Ok(value), "{text}");
    }
}

#[test]
fn duplicate_members_and_invalid_json_are_refused() {
    let deep = "[".repeat(200);
    for (text, said) in [
        (br#"{"a": 1, "b": {"c": 1, "c": 2}}"#.as_slice(), r#"the member "c" appears twice"#),
        (br#"{"a": 1, "\u0061": 1}"#, r#"the member "a" appears twice"#),
        (deep.as_bytes(), "nested too deeply (line 1, column 128)"),
        (b"1e400", "number out of range"),
        (br#""\ud800""#, "line 1"),
        (b"\"\xff\"", "line 1"),
        (b"", "is not JSON"),
        (b"{} {}", "trailing characters"),
    ] {
        let refused = read(text).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}
