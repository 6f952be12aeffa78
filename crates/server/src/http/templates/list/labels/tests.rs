//! What a list of labels may look like.

use super::*;

fn check(text: &str, expected: &[(&str, Option<&str>)]) {
    let label =
        |(key, value): &(&str, Option<&str>)| LabelFilter { key: (*key).to_owned(), value: value.map(str::to_owned) };
    assert_eq!(parse(text), Ok(expected.iter().map(label).collect()), "{text}");
}

#[test]
fn labels_are_parted_by_commas_and_values_set_off_by_the_first_equals_sign() {
    check("team=vision", &[("team", Some("vision"))]);
    check("team", &[("team", None)]);
    check("team=", &[("team", Some(""))]);
    check("team=vision,stage,阶段=预训练", &[("team", Some("vision")), ("stage", None), ("阶段", Some("预训练"))]);
    check("a=b=c", &[("a", Some("b=c"))]);
    check(" a = b ", &[(" a ", Some(" b "))]);
    check("a,a", &[("a", None), ("a", None)]);
}

#[test]
fn behind_a_backslash_everything_that_means_something_is_ordinary() {
    check(r"a\,b\=c\\=d\,e", &[(r"a,b=c\", Some("d,e"))]);
    check(r"\==\=", &[("=", Some("="))]);
    check(r"\,", &[(",", None)]);
}

#[test]
fn what_is_no_label_is_refused() {
    for (text, said) in [
        ("", "none of the keys is empty"),
        ("=", "none of the keys is empty"),
        ("=a", "none of the keys is empty"),
        ("a,", "none of the keys is empty"),
        (",a", "none of the keys is empty"),
        ("a,,b", "none of the keys is empty"),
        (r"a\", "backslash"),
        (r"a\b", "backslash"),
        (&"a,".repeat(64), "none of the keys is empty"),
        (&format!("{}a", "a,".repeat(64)), "at most 64 labels"),
    ] {
        let fault = parse(text).unwrap_err();
        assert!(fault.contains(said), "{text}: {fault}");
    }
}
