//! The checks of top-level fields.

use serde_json::{Value, json};

use super::{Mode, check_document, check_faults, check_kept, checked};
use crate::{
    fault::Faults,
    job_spec::{FIELDS, Owner},
    samples::{object, published},
};

#[test]
fn the_published_sample_comes_back_as_it_was_sent() {
    let mut sent = object(published());
    let (kept, faults) = checked(Value::Object(sent.clone()), Mode::Template);
    sent.shift_remove("name");
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(kept, sent);
    let order = |document: &super::Document| document.keys().cloned().collect::<Vec<_>>();
    assert_eq!(order(&kept), order(&sent));
}

#[test]
fn the_published_fields_are_those_of_the_page() {
    let theirs = FIELDS.iter().filter(|field| field.owner == Owner::Published);
    let names: Vec<_> = ["name"].into_iter().chain(theirs.map(|field| field.name)).collect();
    assert_eq!(names, object(published()).keys().collect::<Vec<_>>());
}

#[test]
fn all_faults_are_found_at_once_with_the_callers_paths() {
    check_faults(
        json!({
            "desc": 5,
            "aidcId": "2",
            "trainingType": "pre_training",
            "trainingFramwork": "Torch",
            "imageType": 1,
            "image": "a b",
            "env": {"a.b": [], "OK": "1", "A=B": "x"},
            "resource": {"gpuCount": -1, "cpuCores": true, "workerCount": 0},
            "enableAutoRetry": "true",
            "storageConfigs": [{"mountPath": "data", "onlyRead": "yes"}, 7, {"storageType": "nas"}],
            "startCommand": ["python"],
            "priority": 4,
            "workDir": "here",
            "trainingFramework": "MPI",
        }),
        &[
            "desc wrong_type",
            "aidcId wrong_type",
            "trainingType not_a_choice",
            "trainingFramwork not_a_choice",
            "imageType wrong_type",
            "image malformed",
            "env[\"a.b\"] wrong_type",
            "env[\"A=B\"] malformed",
            "resource.gpuCount out_of_range",
            "resource.cpuCores wrong_type",
            "resource.workerCount out_of_range",
            "enableAutoRetry wrong_type",
            "storageConfigs[0].mountPath malformed",
            "storageConfigs[0].onlyRead wrong_type",
            "storageConfigs[1] wrong_type",
            "storageConfigs[2].storageType not_a_choice",
            "storageConfigs[2].mountPath required",
            "startCommand wrong_type",
            "priority out_of_range",
            "workDir malformed",
            "trainingFramework unknown_field",
        ],
    );
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest_known_one() {
    let check = |key: &str, hint: &str| {
        let mut faults = Faults::default();
        let body = object(json!({key: 1}));
        check_document(&body, Mode::Template, &["name"], &mut faults);
        let faults = faults.into_vec();
        assert_eq!(faults[0].path, crate::path::member("", key));
        assert_eq!(faults[0].message, format!("no such field{hint}"));
    };
    check("trainingFramework", "; did you mean `trainingFramwork`?");
    check("Name", "; did you mean `name`?");
    check("names", "; did you mean `name`?");
    check("storageConfig", "; did you mean `storageConfigs`?");
    check("start_command", "; did you mean `startCommand`?");
    check("somethingElse", "");
    check("a\0", "");
    check("训练", "");
}

#[test]
fn in_a_template_null_is_the_same_as_left_out() {
    let all = FIELDS.iter().map(|field| (field.name.to_owned(), Value::Null));
    check_kept(Value::Object(all.collect()), json!({}));
    check_kept(
        json!({"env": {"A": null, "B": "1"}, "resource": {"gpuCount": null}, "labels": {"a": null}}),
        json!({"env": {"B": "1"}, "resource": {}, "labels": {}}),
    );
    check_kept(
        json!({"storageConfigs": [{"mountPath": "/a", "storageId": null, "onlyRead": null}]}),
        json!({"storageConfigs": [{"mountPath": "/a"}]}),
    );
}

#[test]
fn in_a_request_null_unsets_and_only_fields_that_a_job_may_carry_are_accepted() {
    let (kept, faults) = checked(
        json!({
            "image": null, "env": {"A": null}, "resource": {"gpuCount": null, "empty": false}, "labels": {"a": null},
            "visibility": null, "storageConfigs": [{"mountPath": "/a", "remove": true, "storageId": null}],
        }),
        Mode::Request,
    );
    let wanted = json!({
        "image": null, "env": {"A": null}, "resource": {"gpuCount": null}, "labels": {"a": null},
        "storageConfigs": [{"mountPath": "/a", "remove": true}],
    });
    assert_eq!((Value::Object(kept), faults), (wanted, Vec::new()));
    let templates_own = json!({"visibility": "public", "parameters": [], "locked": [], "required": []});
    assert_eq!(
        checked(templates_own, Mode::Request).1,
        ["visibility not_supported", "parameters not_supported", "locked not_supported", "required not_supported"],
    );
}

#[test]
fn the_servers_own_fields_are_ignored_so_that_what_was_read_can_be_written_back() {
    check_kept(
        json!({
            "id": "tpl_6f1a62c0a5bf4e0c9b2f", "version": 3, "revision": 7, "createBy": "alice",
            "createdTime": "2026-11-23 22:00:00", "createdTimeMs": 1, "updatedTime": "x", "updatedTimeMs": [],
            "runnable": true, "warnings": [{}], "name": "checked elsewhere", "priority": 1,
        }),
        json!({"priority": 1}),
    );
}

#[test]
fn the_ranges_of_a_switched_field_hold_only_where_its_switch_is_true() {
    let range = |switch: Value, key: &str, value: Value, fits: bool| {
        let name = if key == "timeoutHours" { "enableTimeoutCancel" } else { "enableAutoRetry" };
        let body = json!({name: switch, key: value});
        let fault = format!("{key} out_of_range");
        let faults = if fits { vec![] } else { vec![fault] };
        assert_eq!(checked(body.clone(), Mode::Template).1, faults, "{body}");
    };
    for off in [json!(false), json!(null)] {
        range(off.clone(), "timeoutHours", json!(0), true);
        range(off.clone(), "timeoutHours", json!(-1), true);
        range(off.clone(), "timeoutHours", json!(9999), true);
        range(off.clone(), "maxRetryCount", json!(-1), true);
        range(off.clone(), "maxRetryCount", json!(101), true);
        range(off, "maxRetryCount", json!(0.5), false);
    }
    range(json!(true), "timeoutHours", json!(0), false);
    range(json!(true), "timeoutHours", json!(1), true);
    range(json!(true), "timeoutHours", json!(8760), true);
    range(json!(true), "timeoutHours", json!(8761), false);
    range(json!(true), "timeoutHours", json!(1.5), false);
    range(json!(true), "maxRetryCount", json!(-1), false);
    range(json!(true), "maxRetryCount", json!(0), true);
    range(json!(true), "maxRetryCount", json!(100), true);
    range(json!(true), "maxRetryCount", json!(101), false);
    check_faults(json!({"timeoutHours": "3"}), &["timeoutHours wrong_type"]);
}

#[test]
fn lengths_are_bounded_by_the_contract() {
    let text = |length: usize| "x".repeat(length);
    check_kept(json!({"desc": "训".repeat(4096)}), json!({"desc": "训".repeat(4096)}));
    check_faults(json!({"desc": "训".repeat(4097)}), &["desc malformed"]);
    check_kept(json!({"startCommand": text(131_071)}), json!({"startCommand": text(131_071)}));
    check_faults(json!({"startCommand": text(131_072)}), &["startCommand malformed"]);
    check_kept(json!({"env": {"A": text(131_069)}}), json!({"env": {"A": text(131_069)}}));
    check_faults(json!({"env": {"A": text(131_070)}}), &["env.A malformed"]);
    let long = text(131_072);
    let fault = format!("env.{long} malformed");
    check_faults(json!({"env": {long.as_str(): 1}}), &[&fault]);
    check_kept(json!({"image": text(1024)}), json!({"image": text(1024)}));
    check_faults(json!({"image": text(1025)}), &["image malformed"]);
}

#[test]
fn empty_text_and_empty_objects_are_no_faults() {
    let empty = json!({"desc": "", "image": "", "startCommand": "", "env": {}, "resource": {}, "storageConfigs": []});
    check_kept(empty.clone(), empty);
}

#[test]
fn our_own_numbers_have_their_ranges() {
    for (key, low, high) in [
        ("retryDelaySeconds", 0, 86_400),
        ("timeoutSeconds", 1, 8760 * 3600),
        ("stopGraceSeconds", 0, 86_400),
        ("priority", 1, 3),
        ("aidcId", 1, 9_007_199_254_740_991_i64),
    ] {
        check_kept(json!({key: low}), json!({key: low}));
        check_kept(json!({key: high}), json!({key: high}));
        let fault = format!("{key} out_of_range");
        check_faults(json!({key: low - 1}), &[&fault]);
        check_faults(json!({key: high + 1}), &[&fault]);
    }
}
