//! The merge of a request over a template, and the source of every leaf.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    document::leaves,
    samples::{any_document, any_request, object, template_source},
};

fn merged(base: Value, patch: Value) -> Merged {
    merge(&object(base), &template_source(), &object(patch))
}

#[track_caller]
fn check(base: Value, patch: Value, result: Value) {
    assert_eq!(Value::Object(merged(base, patch).document), result);
}

/// Checks `path: source` of every leaf; a template is shown as `template`.
#[track_caller]
fn check_sources(base: Value, patch: Value, sources: &[&str]) {
    let merged = merged(base, patch);
    let line = |(path, source): (&String, &Source)| match source {
        Source::Template(..) => format!("{path}: template"),
        source => format!("{path}: {source}"),
    };
    assert_eq!(merged.provenance.iter().map(line).collect::<Vec<_>>(), sources);
}

#[test]
fn a_request_is_a_merge_patch_as_rfc_7396_shows_it() {
    // The rows of the table in RFC 7396, appendix A, in which both sides are objects.
    check(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}));
    check(json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"}));
    check(json!({"a": "b"}), json!({"a": null}), json!({}));
    check(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}));
    check(json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"}));
    check(json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]}));
    check(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
    check(json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]}));
    check(json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1}));
    check(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
    // The example of section 3.
    check(
        json!({"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"},
               "tags": ["example", "sample"], "content": "This will be unchanged"}),
        json!({"title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": {"familyName": null},
               "tags": ["example"]}),
        json!({"title": "Hello!", "author": {"givenName": "John"}, "tags": ["example"],
               "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890"}),
    );
}

#[test]
fn mounts_merge_by_their_mount_path() {
    let base =
        json!({"storageConfigs": [{"mountPath": "/a", "storageId": "1", "onlyRead": true}, {"mountPath": "/b/"}]});
    let check = |patch: Value, mounts: Value| {
        check(base.clone(), json!({"storageConfigs": patch}), json!({"storageConfigs": mounts}));
    };
    let (a, b) = (base["storageConfigs"][0].clone(), base["storageConfigs"][1].clone());
    // The same mount path, with or without a slash at the end, replaces the whole item at its index.
    check(json!([{"mountPath": "/a/", "storageId": "2"}]), json!([{"mountPath": "/a/", "storageId": "2"}, b]));
    check(json!([{"mountPath": "/b"}]), json!([a, {"mountPath": "/b"}]));
    check(json!([{"mountPath": "/c", "remove": false}]), json!([a, b, {"mountPath": "/c"}]));
    check(json!([{"mountPath": "/b", "remove": true}]), json!([a]));
    check(json!([{"mountPath": "/a/", "remove": true}, {"mountPath": "/c"}]), json!([b, {"mountPath": "/c"}]));
    check(json!([{"mountPath": "/nowhere", "remove": true}]), json!([a, b]));
    check(json!([{"mountPath": "/a", "remove": true}, {"mountPath": "/b", "remove": true}]), json!([]));
    check(json!([]), json!([a, b]));
}

#[test]
fn null_removes_all_mounts_and_an_empty_list_none() {
    let base = json!({"storageConfigs": [{"mountPath": "/a"}]});
    check(base.clone(), json!({"storageConfigs": null}), json!({}));
    check(base.clone(), json!({"storageConfigs": []}), base.clone());
    check(base.clone(), json!({}), base);
    check(json!({}), json!({"storageConfigs": [{"mountPath": "/a", "remove": true}]}), json!({"storageConfigs": []}));
    check(
        json!({}),
        json!({"storageConfigs": [{"mountPath": "/a", "remove": false}]}),
        json!({"storageConfigs": [{"mountPath": "/a"}]}),
    );
}

#[test]
fn a_variable_is_replaced_as_a_whole() {
    let secret = |name: &str| json!({"env": {"A": {"secret": name}}});
    for (base, patch, result) in [
        (secret("one"), secret("two"), secret("two")),
        (secret("one"), json!({"env": {"A": "text"}}), json!({"env": {"A": "text"}})),
        (json!({"env": {"A": "text"}}), secret("two"), secret("two")),
        (json!({}), secret("two"), secret("two")),
        (secret("one"), json!({"env": {"A": null}}), json!({"env": {}})),
        (secret("one"), json!({"env": {"B": "2"}}), json!({"env": {"A": {"secret": "one"}, "B": "2"}})),
    ] {
        check(base, patch, result);
    }
    check_sources(secret("one"), json!({"env": {"B": {"secret": "two"}}}), &["env.A: template", "env.B: request"]);
    check_sources(json!({}), secret("two"), &["env.A: request"]);
}

#[test]
fn a_list_called_storage_configs_elsewhere_is_an_ordinary_list() {
    check(
        json!({"resource": {"storageConfigs": [{"mountPath": "/a"}]}}),
        json!({"resource": {"storageConfigs": []}}),
        json!({"resource": {"storageConfigs": []}}),
    );
}

#[test]
fn the_order_of_keys_is_the_templates_and_then_the_requests() {
    let merged =
        merged(json!({"b": 1, "a": 1, "c": {"z": 1, "y": 1}}), json!({"d": 1, "a": 2, "c": {"x": 1, "z": null}}));
    assert_eq!(serde_json::to_string(&merged.document).unwrap(), r#"{"b":1,"a":2,"c":{"y":1,"x":1},"d":1}"#);
    let mounts = json!({"storageConfigs": [{"remove": false, "storageId": "1", "mountPath": "/a"}]});
    let merged = super::merge(&object(json!({})), &Source::Default, &object(mounts));
    assert_eq!(
        serde_json::to_string(&merged.document["storageConfigs"]).unwrap(),
        r#"[{"storageId":"1","mountPath":"/a"}]"#
    );
}

#[test]
fn every_leaf_has_the_source_of_its_value() {
    check_sources(
        json!({"image": "i", "env": {"A": "1", "a.b": "2"}, "resource": {"x": {"y": 1, "z": [1, 2]}}}),
        json!({"env": {"A": "3", "C": "4"}, "priority": 3, "resource": {"x": {"y": 2}}}),
        &[
            "env.A: request",
            "env.C: request",
            "env[\"a.b\"]: template",
            "image: template",
            "priority: request",
            "resource.x.y: request",
            "resource.x.z: template",
        ],
    );
    check_sources(
        json!({"storageConfigs": [{"mountPath": "/a/", "onlyRead": true}, {"mountPath": "/b"}]}),
        json!({"storageConfigs": [{"mountPath": "/b/", "storageId": "1"}, {"mountPath": "/c"}]}),
        &[
            "storageConfigs[\"/a\"].mountPath: template",
            "storageConfigs[\"/a\"].onlyRead: template",
            "storageConfigs[\"/b\"].mountPath: request",
            "storageConfigs[\"/b\"].storageId: request",
            "storageConfigs[\"/c\"].mountPath: request",
        ],
    );
    // An empty container is a leaf; its source is the document that emptied it.
    let empty = json!({"env": {}, "storageConfigs": []});
    check_sources(empty.clone(), json!({}), &["env: template", "storageConfigs: template"]);
    check_sources(empty.clone(), empty.clone(), &["env: template", "storageConfigs: template"]);
    check_sources(empty.clone(), json!({"env": {"A": null}}), &["env: template", "storageConfigs: template"]);
    check_sources(json!({}), empty, &["env: request", "storageConfigs: request"]);
    check_sources(
        json!({"env": {"A": "1"}, "storageConfigs": [{"mountPath": "/a"}]}),
        json!({"env": {"A": null}, "storageConfigs": [{"mountPath": "/a", "remove": true}]}),
        &["env: request", "storageConfigs: request"],
    );
    check_sources(json!({"env": {"A": "1"}}), json!({"env": null}), &[]);
}

#[test]
fn sources_are_shown_as_the_contract_shows_them() {
    let sources = [Source::Default, template_source(), Source::Request, Source::Product];
    let texts = sources.map(|source| source.to_string());
    assert_eq!(texts, ["default", "template tpl_07070707070707070707 v3", "request", "product"]);
}

/// The leaves of a document by path, without order: two requests may add their mounts in either order.
fn unordered(document: &Document) -> BTreeMap<String, Value> {
    leaves(document).into_iter().collect()
}

proptest! {
    #[test]
    fn every_leaf_of_the_result_has_a_source_exactly_once(base in any_document(), patch in any_request()) {
        let merged = merge(&base, &template_source(), &patch);
        let mut paths: Vec<_> = leaves(&merged.document).into_iter().map(|(path, _)| path).collect();
        paths.sort();
        prop_assert_eq!(paths, merged.provenance.keys().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn a_leaf_with_the_template_as_its_source_has_the_templates_value(base in any_document(), patch in any_request()) {
        let merged = merge(&base, &template_source(), &patch);
        let (before, after) = (unordered(&base), unordered(&merged.document));
        for (path, source) in &merged.provenance {
            if *source == template_source() {
                prop_assert_eq!(before.get(path), after.get(path), "{}", path);
            }
        }
    }

    #[test]
    fn an_empty_request_changes_nothing(base in any_document()) {
        let merged = merge(&base, &template_source(), &Document::new());
        prop_assert_eq!(&merged.document, &base);
        prop_assert!(merged.provenance.values().all(|source| *source == template_source()));
    }

    #[test]
    fn a_request_applied_twice_is_the_same_as_once(base in any_document(), patch in any_request()) {
        let once = merge(&base, &template_source(), &patch).document;
        prop_assert_eq!(&merge(&once, &Source::Request, &patch).document, &once);
    }

    #[test]
    fn requests_that_touch_different_paths_commute(base in any_document(), one in any_request(), other in any_request()) {
        let paths = |patch: &Document| leaves(patch).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        // A request replaces or removes a whole mount.
        let whole = |path: &str| path.split(".mountPath").next().unwrap_or_default().to_owned();
        let touches = |left: &str, right: &str| path::is_within(left, right) || path::is_within(right, left);
        let apart = paths(&one).iter().all(|left| {
            paths(&other).iter().all(|right| !touches(&whole(left), &whole(right)))
        });
        if !apart {
            return Ok(());
        }
        let then = |first: &Document, second: &Document| {
            let between = merge(&base, &template_source(), first).document;
            unordered(&merge(&between, &template_source(), second).document)
        };
        prop_assert_eq!(then(&one, &other), then(&other, &one));
    }

    #[test]
    fn a_request_of_null_alone_leaves_nothing(base in any_document()) {
        let patch: Document = base.keys().map(|key| (key.clone(), Value::Null)).collect();
        let merged = merge(&base, &template_source(), &patch);
        prop_assert_eq!(merged, Merged::default());
    }
}
