//! The published sample and generators of arbitrary JSON and of templates' fields.

use proptest::prelude::*;
use serde_json::{Value, json};
use trainyard_domain::{
    document::Document,
    job_spec::{FIELDS, field_names},
    parameter::PARAMETER_KEYS,
};

/// The body of the published page's curl sample.
pub(super) fn published() -> Value {
    json!({
        "name": "my training task",
        "desc": "my training task",
        "aidcId": 2,
        "trainingType": "PRE_TRAINING",
        "trainingFramwork": "TensorFlow",
        "imageType": "general",
        "image": "harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter",
        "env": {"ENV_MODE": "production", "MAX_CONN": "200"},
        "resource": {
            "type": "worker",
            "gpuName": "NVIDIA-L40S-PCIE-48G",
            "cpuCores": "1",
            "gpuCount": "1",
            "memoryGB": "2",
            "productCode": "PRD-QTT",
            "productName": "量子训练",
            "workerCount": 1,
            "productPrice": "0.0002B"
        },
        "enableAutoRetry": true,
        "storageConfigs": [{
            "storageId": "0000-0000-0000-0000",
            "storageType": "nas-capacity",
            "fileDirectory": "nas123",
            "mountPath": "/root/nas/123",
            "onlyRead": true
        }],
        "maxRetryCount": 3,
        "enableTimeoutCancel": true,
        "timeoutHours": 1,
        "startCommand": "python train.py --data /root/nas/123/data",
        "priority": 3
    })
}

/// Text with characters that break careless readers: NUL, quotes, brackets, other scripts, neighbours of surrogates.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,3}",
        1 => proptest::collection::vec(
            proptest::sample::select(vec![
                '\0', '"', '.', '[', ']', '\\', '/', ' ', '=', '\n', '0', '1', '-', 'e', 'é', '训', '\u{202e}', '\u{fffd}', '😀'
            ]),
            0..6,
        )
        .prop_map(String::from_iter),
    ]
}

/// Arbitrary JSON. Its objects sometimes use the names of template fields.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let key = || prop_oneof![2 => any_text(), 1 => any_field_name(), 1 => any_inner_name()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-2_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
        proptest::sample::select(vec!["1", "0.5", "MPI", "public", "/data", "/data/", "integer"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The name of any top-level field of a template.
pub(super) fn any_field_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = field_names().chain(["name"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

fn any_inner_name() -> impl Strategy<Value = String> {
    let members = FIELDS.iter().flat_map(|field| field.kind.members()).map(|member| member.name);
    let names: Vec<&str> = members.chain(PARAMETER_KEYS.iter().copied()).chain(["remove", "empty"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

/// Fields with values of the right types, as merging and exporting see them.
pub(super) fn any_document() -> impl Strategy<Value = Document> {
    let small = || prop_oneof![(0_i64..3).prop_map(Value::from), "[xy]{0,2}".prop_map(Value::from)];
    let size = prop_oneof![3 => (1_i64..9).prop_map(Value::from), 1 => object_of(small())];
    (
        proptest::option::of(1_i64..4),
        proptest::option::of(object_of(small())),
        proptest::option::of(object_of(size)),
        proptest::option::of(any_mounts()),
        proptest::option::of(0_i64..200),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any_text().prop_map(|text| text.replace('\0', ""))),
    )
        .prop_map(|(centre, env, resource, mounts, count, switch, command)| {
            let fields = [
                ("aidcId", centre.map(Value::from)),
                ("env", env),
                ("resource", resource),
                ("storageConfigs", mounts),
                ("maxRetryCount", count.map(Value::from)),
                ("enableAutoRetry", switch.map(Value::from)),
                ("startCommand", command.map(Value::from)),
            ];
            fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
        })
}

fn object_of(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    const KEYS: &[&str] = &["A", "B", "a.b", "a", "b", "0", "", "x\"y", "训"];
    let key = proptest::sample::select(KEYS).prop_map(str::to_owned);
    proptest::collection::vec((key, values), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_mounts() -> impl Strategy<Value = Value> {
    let item = (proptest::sample::select(vec!["/a", "/a/b", "/d.e"]), any::<bool>(), any::<bool>());
    proptest::collection::vec(item, 0..3).prop_map(|items| {
        let mut seen = std::collections::BTreeSet::new();
        let distinct = items.into_iter().filter(|(path, ..)| seen.insert(*path));
        let mounts = distinct.map(|(path, slash, read_only)| {
            let slash = if slash { "/" } else { "" };
            json!({"mountPath": format!("{path}{slash}"), "onlyRead": read_only})
        });
        mounts.collect()
    })
}
