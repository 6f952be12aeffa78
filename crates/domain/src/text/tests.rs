//! The rules for names, short names, paths and arguments.

use super::*;

fn check_name(text: &str, fits: bool) {
    assert_eq!(Name::parse(text).is_ok(), fits, "{text:?}");
}

#[test]
fn a_name_has_1_to_128_characters_of_any_script_without_control_characters_and_spaces_at_its_ends() {
    check_name("", false);
    check_name("a", true);
    check_name(&"a".repeat(128), true);
    check_name(&"a".repeat(129), false);
    check_name(&"训".repeat(128), true);
    check_name(&"训".repeat(129), false);
    check_name(&"😀".repeat(128), true);
    // 256 code points that compose to 128 characters.
    check_name(&"e\u{301}".repeat(128), true);
    check_name(&"e\u{301}".repeat(129), false);
    check_name("my training task", true);
    check_name("常用2卡训练模板", true);
    check_name("שלום عالم", true);
    check_name("100%_done/../x", true);
    check_name(" a", false);
    check_name("a ", false);
    check_name("a\u{3000}", false);
    check_name("\u{a0}a", false);
    check_name("a\u{2028}", false);
    check_name(" ", false);
    check_name("a\0b", false);
    check_name("a\tb", false);
    check_name("a\nb", false);
    check_name("a\u{7f}b", false);
    check_name("a\u{85}b", false);
}

#[test]
fn a_name_is_kept_as_typed_and_compared_in_normal_form_c() {
    let composed = Name::parse("caf\u{e9}").unwrap();
    let decomposed = Name::parse("cafe\u{301}").unwrap();
    assert_eq!(composed.key(), decomposed.key());
    assert_eq!(decomposed.as_str(), "cafe\u{301}");
    assert_ne!(composed.key(), Name::parse("cafe").unwrap().key());
    assert_ne!(Name::parse("A").unwrap().key(), Name::parse("a").unwrap().key());
}

#[test]
fn a_short_name_is_1_to_64_plain_characters_that_begin_with_a_letter_or_digit() {
    let check = |text: &str, fits: bool| assert_eq!(ShortName::parse(text).is_ok(), fits, "{text:?}");
    check("", false);
    check("a", true);
    check("7", true);
    check("alice@example.org", true);
    check("team_a-1.b", true);
    check(&"a".repeat(64), true);
    check(&"a".repeat(65), false);
    check("-a", false);
    check(".a", false);
    check("a b", false);
    check("a/b", false);
    check("é", false);
    check("a\0", false);
}

#[test]
fn free_text_counts_characters_and_takes_no_nul() {
    let check = |text: &str, fits: bool| assert_eq!(check_free_text(text, 4).is_ok(), fits, "{text:?}");
    check("", true);
    check("训训训训", true);
    check("训训训训训", false);
    check("ab\ncd", false);
    check("a\nb", true);
    check("a\0", false);
}

#[test]
fn an_argument_has_less_than_128_kib() {
    let check = |length: usize, fits: bool| {
        assert_eq!(check_argument(&"x".repeat(length)).is_ok(), fits, "{length}");
    };
    check(0, true);
    check(131_071, true);
    check(131_072, false);
    assert!(check_argument("a\0b").is_err());
}

#[test]
fn the_length_of_a_variable_includes_its_name_and_the_equals_sign() {
    let check = |name: &str, length: usize, fits: bool| {
        assert_eq!(check_variable(name, &"x".repeat(length)).is_ok(), fits, "{name} {length}");
    };
    check("A", 131_069, true);
    check("A", 131_070, false);
    check("AB", 131_069, false);
    check(&"N".repeat(131_072), 0, false);
}

#[test]
fn the_name_of_a_variable_is_not_empty_and_has_neither_equals_sign_nor_nul() {
    let check = |name: &str, fits: bool| assert_eq!(check_env_name(name).is_ok(), fits, "{name:?}");
    check("A", true);
    check("a.b-c", true);
    check("变量", true);
    check("", false);
    check("A=B", false);
    check("A\0", false);
}

#[test]
fn a_path_of_a_job_is_absolute_and_has_no_parent_parts() {
    let check = |path: &str, fits: bool| {
        assert_eq!(check_absolute_path(path).is_ok(), fits, "{path:?}");
    };
    check("/", true);
    check("/root/nas/123", true);
    check("/数据/a b", true);
    check("/a/..b", true);
    check(&format!("/{}", "a".repeat(4094)), true);
    check(&format!("/{}", "a".repeat(4095)), false);
    check("", false);
    check("root", false);
    check("/a/../b", false);
    check("/a/..", false);
    check("/a\0", false);
    check("/a\nb", false);
}

#[test]
fn a_directory_in_a_storage_does_not_lead_out_of_it() {
    let check = |path: &str, fits: bool| {
        assert_eq!(check_inner_directory(path).is_ok(), fits, "{path:?}");
    };
    check("", true);
    check("nas123", true);
    check("/nas123/a..b", true);
    check("..", false);
    check("a/../../b", false);
    check("a\0", false);
}

#[test]
fn mount_paths_are_compared_without_needless_slashes_and_dots() {
    let check = |path: &str, key: &str| assert_eq!(mount_key(path), key);
    check("/data", "/data");
    check("/data/", "/data");
    check("/data//", "/data");
    check("//data/./a/", "/data/a");
    check("/", "/");
    check("/.", "/");
    check("/data/.hidden", "/data/.hidden");
}
