//! The spelling of paths, and which path is within another.

use proptest::prelude::*;

use super::*;
use crate::samples::any_text;

#[test]
fn plain_keys_follow_a_dot_and_all_others_are_quoted() {
    let check = |base: &str, key: &str, path: &str| assert_eq!(member(base, key), path);
    check("", "resource", "resource");
    check("resource", "gpuCount", "resource.gpuCount");
    check("env", "A_B-1", "env.A_B-1");
    check("env", "a.b", "env[\"a.b\"]");
    check("env", "1A", "env[\"1A\"]");
    check("env", "", "env[\"\"]");
    check("env", "a\"b", "env[\"a\\\"b\"]");
    check("env", "a\0", "env[\"a\\u0000\"]");
    check("env", "变量", "env[\"变量\"]");
    check("", "a b", "[\"a b\"]");
    check("storageConfigs[0]", "mountPath", "storageConfigs[0].mountPath");
}

#[test]
fn a_path_is_below_another_only_from_a_member_on() {
    let check = |path: &str, prefix: &str, within: bool| {
        assert_eq!(is_within(path, prefix), within, "{path} in {prefix}");
    };
    check("resource.gpuCount", "resource", true);
    check("resource.gpuCount", "resource.gpuCount", true);
    check("resource.gpuCounts", "resource.gpuCount", false);
    check("resource", "resource.gpuCount", false);
    check("env[\"a.b\"]", "env", true);
    check("env.A-B", "env.A", false);
    check("storageConfigs[\"/a\"].onlyRead", "storageConfigs[\"/a\"]", true);
    check("storageConfigs[\"/ab\"]", "storageConfigs[\"/a\"]", false);
}

#[test]
fn each_spelling_of_a_path_becomes_the_canonical_one() {
    let check = |text: &str, path: Option<&str>| {
        assert_eq!(canonical(text).as_deref(), path, "{text}");
    };
    check("resource.gpuCount", Some("resource.gpuCount"));
    check("resource[\"gpuCount\"]", Some("resource.gpuCount"));
    check("env[\"a.b\"]", Some("env[\"a.b\"]"));
    check("env[\"a\\u002eb\"]", Some("env[\"a.b\"]"));
    check("env.变量", Some("env[\"变量\"]"));
    check("storageConfigs", Some("storageConfigs"));
    check("storageConfigs[\"/data/\"].onlyRead", Some("storageConfigs[\"/data\"].onlyRead"));
    check("storageConfigs[0]", None);
    check("storageConfigs[]", None);
    check("", None);
    check("a.", None);
    check(".a", None);
    check("a..b", None);
    check("a[\"b", None);
    check("a[\"b\"]c", None);
}

proptest! {
    #[test]
    fn a_printed_path_is_canonical_and_parsing_never_panics(keys in proptest::collection::vec(any_text(), 1..4), wild in any_text()) {
        let path = keys.iter().fold("env".to_owned(), |base, key| member(&base, key));
        prop_assert_eq!(canonical(&path), Some(path.clone()));
        prop_assert_eq!(root(&path), "env");
        prop_assert!(is_within(&path, "env"));
        let _ = canonical(&wild);
        let _ = canonical(&format!("env[{wild}"));
    }
}
