//! Which label filters are accepted, and how they are read.

use super::*;

fn check(text: &str, expected: &[(&str, Option<&str>)]) {
    let label =
        |(key, value): &(&str, Option<&str>)| LabelFilter { key: (*key).to_owned(), value: value.map(str::to_owned) };
    assert_eq!(parse(text), Ok(expected.iter().map(label).collect()), "{text}");
}

#[test]
fn commas_separate_labels_and_the_first_equals_sign_separates_key_and_value() {
    check("team=vision", &[("team", Some("vision"))]);
    check("team", &[("team", None)]);
    check("team=", &[("team", Some(""))]);
    check("team=vision,stage,阶段=预训练", &[("team", Some("vision")), ("stage", None), ("阶段", Some("预训练"))]);
    check("a=b=c", &[("a", Some("b=c"))]);
    check(" a = b ", &[(" a ", Some(" b "))]);
    check("a,a", &[("a", None), ("a", None)]);
}

#[test]
fn after_a_backslash_special_characters_are_ordinary() {
    check(r"a\,b\=c\\=d\,e", &[(r"a,b=c\", Some("d,e"))]);
    check(r"\==\=", &[("=", Some("="))]);
    check(r"\,", &[(",", None)]);
}

#[test]
fn an_invalid_filter_is_refused() {
    for (text, said) in [
        ("", "a key that is not empty"),
        ("=", "a key that is not empty"),
        ("=a", "a key that is not empty"),
        ("a,", "a key that is not empty"),
        (",a", "a key that is not empty"),
        ("a,,b", "a key that is not empty"),
        (r"a\", "backslash"),
        (r"a\b", "backslash"),
        (&"a,".repeat(64), "a key that is not empty"),
        (&format!("{}a", "a,".repeat(64)), "at most 64 labels"),
    ] {
        let fault = parse(text).unwrap_err();
        assert!(fault.contains(said), "{text}: {fault}");
    }
}
