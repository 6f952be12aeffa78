//! The checks of `env`, `labels`, `resource` and mounts.

use serde_json::{Value, json};

use super::{Mode, check_faults, check_kept, checked};
use crate::samples::object;

#[test]
fn the_empty_of_typed_clients_is_dropped_only_where_it_is_a_boolean() {
    for empty in [true, false] {
        check_kept(
            json!({"env": {"empty": empty, "A": "1"}, "resource": {"empty": empty},
                   "storageConfigs": [{"empty": empty, "mountPath": "/a"}]}),
            json!({"env": {"A": "1"}, "resource": {}, "storageConfigs": [{"mountPath": "/a"}]}),
        );
    }
    let kept = json!({"env": {"empty": "true", "EMPTY": true}, "resource": {"empty": 1, "x": {"empty": true}},
                      "storageConfigs": [{"mountPath": "/a", "empty": "no"}]});
    check_kept(kept.clone(), kept);
    check_faults(json!({"empty": true}), &["empty unknown_field"]);
}

#[test]
fn variables_are_text_numbers_or_booleans_and_come_back_as_sent() {
    let env = json!({"env": {"S": "x", "E": "", "I": 1, "F": 0.5, "B": true, "a.b": "odd", "变量": "值", "N": "a\nb"}});
    check_kept(env.clone(), env);
    check_faults(
        json!({"env": {"L": [], "O": {}, "": "x", "A=": "x"}}),
        &["env.L wrong_type", "env.O wrong_type", "env[\"\"] malformed", "env[\"A=\"] malformed"],
    );
    check_faults(json!({"env": [{"A": "1"}]}), &["env wrong_type"]);
}

#[test]
fn a_variable_may_name_a_secret_and_comes_back_as_sent() {
    let env = json!({"env": {"WANDB_API_KEY": {"secret": "wandb"}, "a.b": {"secret": "a.b_c-d@e"}}});
    check_kept(env.clone(), env.clone());
    assert_eq!(checked(env.clone(), Mode::Request).1, [""; 0]);
    check_faults(
        json!({"env": {
            "A": {"secret": "two words"}, "B": {"secret": 7}, "C": {"secret": null}, "D": {"secret": "x", "empty": false},
            "E": {"Secret": "x"}, "F": {"secret": {"secret": "x"}},
        }}),
        &[
            "env.A malformed",
            "env.B wrong_type",
            "env.C wrong_type",
            "env.D wrong_type",
            "env.E wrong_type",
            "env.F wrong_type",
        ],
    );
    // The longest secret must still fit beside the name.
    for (length, faults) in [(65_534, 0), (65_535, 1)] {
        let env = json!({"env": {"N".repeat(length): {"secret": "x"}}});
        assert_eq!(checked(env, Mode::Template).1.len(), faults, "{length}");
    }
}

#[test]
fn unknown_keys_are_kept_and_given_back() {
    let body = json!({
        "resource": {"gpucount": 1, "zone": {"a": [1, null, "x"]}, "n": null, "训": true},
        "storageConfigs": [{"mountPath": "/a", "quota": 5, "options": ["ro"]}],
    });
    let mut kept = body.clone();
    object(kept["resource"].take());
    kept["resource"] = json!({"gpucount": 1, "zone": {"a": [1, null, "x"]}, "训": true});
    check_kept(body, kept);
}

#[test]
fn a_nul_is_refused_anywhere() {
    let check = |body: Value, fault: &str| {
        check_faults(body.clone(), &[fault]);
        assert_eq!(checked(body, Mode::Request).1, [fault]);
    };
    check(json!({"desc": "a\0"}), "desc malformed");
    check(json!({"image": "a\0"}), "image malformed");
    check(json!({"startCommand": "a\0"}), "startCommand malformed");
    check(json!({"workDir": "/a\0"}), "workDir malformed");
    check(json!({"env": {"A": "a\0"}}), "env.A malformed");
    check(json!({"env": {"A\0": "a"}}), "env[\"A\\u0000\"] malformed");
    check(json!({"env": {"A\0": null}}), "env[\"A\\u0000\"] malformed");
    check(json!({"resource": {"gpuName": "a\0"}}), "resource.gpuName malformed");
    check(json!({"resource": {"productPrice": "a\0"}}), "resource.productPrice malformed");
    check(json!({"resource": {"a\0": 1}}), "resource[\"a\\u0000\"] malformed");
    check(json!({"resource": {"x": "a\0"}}), "resource.x malformed");
    check(json!({"resource": {"x": {"a\0": 1}}}), "resource.x malformed");
    check(json!({"resource": {"x": [["a\0"]]}}), "resource.x malformed");
    check(json!({"labels": {"a\0": "x"}}), "labels[\"a\\u0000\"] malformed");
    check(json!({"labels": {"a\0": null}}), "labels[\"a\\u0000\"] malformed");
    check(json!({"labels": {"a": "x\0"}}), "labels.a malformed");
    let mount = |key: &str, value: Value| json!({"storageConfigs": [{"mountPath": "/a", key: value}]});
    check(mount("storageId", json!("a\0")), "storageConfigs[0].storageId malformed");
    check(mount("fileDirectory", json!("a\0")), "storageConfigs[0].fileDirectory malformed");
    check(mount("mountPath", json!("/a\0")), "storageConfigs[0].mountPath malformed");
    check(mount("x\0", json!(1)), "storageConfigs[0][\"x\\u0000\"] malformed");
    check(mount("x", json!({"y": "a\0"})), "storageConfigs[0].x malformed");
}

#[test]
fn deep_nesting_in_unknown_keys_is_refused() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    check_kept(json!({"resource": {"x": nested(16)}}), json!({"resource": {"x": nested(16)}}));
    check_faults(json!({"resource": {"x": nested(18)}}), &["resource.x out_of_range"]);
    check_faults(
        json!({"storageConfigs": [{"mountPath": "/a", "x": nested(100)}]}),
        &["storageConfigs[0].x out_of_range"],
    );
    for key in ["desc", "env", "resource", "storageConfigs", "labels", "locked", "parameters", "startCommand"] {
        assert_eq!(checked(json!({key: nested(100)}), Mode::Template).1.len(), 1, "{key}");
    }
}

#[test]
fn two_entries_cannot_mount_at_one_path() {
    check_faults(
        json!({"storageConfigs": [{"mountPath": "/a"}, {"mountPath": "/b"}, {"mountPath": "/a/"}, {"mountPath": "//b"}]}),
        &["storageConfigs[2].mountPath duplicate", "storageConfigs[3].mountPath duplicate"],
    );
    let many: Vec<_> = (0..65).map(|n| json!({"mountPath": format!("/{n}")})).collect();
    check_faults(json!({"storageConfigs": many}), &["storageConfigs out_of_range"]);
}

#[test]
fn a_mount_needs_a_path_and_stays_inside_its_storage() {
    check_faults(
        json!({"storageConfigs": [{}, {"mountPath": null}, {"mountPath": 5}, {"mountPath": "/a/../.."},
               {"mountPath": "/b", "fileDirectory": "../other"}]}),
        &[
            "storageConfigs[0].mountPath required",
            "storageConfigs[1].mountPath required",
            "storageConfigs[2].mountPath wrong_type",
            "storageConfigs[3].mountPath malformed",
            "storageConfigs[4].fileDirectory malformed",
        ],
    );
    check_faults(json!({"storageConfigs": {}}), &["storageConfigs wrong_type"]);
    // Only a request may have `remove`; a stored `remove` would take effect later.
    for word in [json!(true), json!(false), json!("x")] {
        check_faults(
            json!({"storageConfigs": [{"mountPath": "/a", "remove": word}]}),
            &["storageConfigs[0].remove not_supported"],
        );
    }
    check_kept(
        json!({"storageConfigs": [{"mountPath": "/a", "remove": null}]}),
        json!({"storageConfigs": [{"mountPath": "/a"}]}),
    );
    let request = json!({"storageConfigs": [{"mountPath": "/a", "remove": "x"}, {"remove": true}]});
    assert_eq!(
        checked(request, Mode::Request).1,
        ["storageConfigs[0].remove wrong_type", "storageConfigs[1].mountPath required"],
    );
}

#[test]
fn labels_are_text_by_name() {
    let labels = json!({"labels": {"team": "vision", "a.b/c": "", "阶段": "预训练"}});
    check_kept(labels.clone(), labels);
    check_faults(
        json!({"labels": {"": "x", "n": 1, "long": "x".repeat(1025)}}),
        &["labels[\"\"] malformed", "labels.n wrong_type", "labels.long malformed"],
    );
    check_faults(json!({"labels": []}), &["labels wrong_type"]);
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("l{n}"), json!("x"))).collect();
    check_faults(json!({"labels": many}), &["labels out_of_range"]);
}
