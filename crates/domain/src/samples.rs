//! The published sample and generators of arbitrary documents, for the tests of this crate and of crates above it.
//!
//! Other crates switch the feature `samples` on for their tests. The small builders in `builders` are for this crate alone.

#[cfg(test)]
mod builders;

use proptest::prelude::*;
use serde_json::{Value, json};

#[cfg(test)]
pub(crate) use self::builders::{
    at, capacity, centre, exited, job_id, lines, living, object, queued, span, spec, template_source, worker_size,
};
use crate::{
    document::Document,
    job_spec::{FIELDS, field_names},
    parameter::PARAMETER_KEYS,
};

/// The body of the published page's curl sample.
pub fn published() -> Value {
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

/// Text with characters that break careless readers: NUL, quotes, dots, brackets, other scripts, neighbours of surrogates.
pub fn any_text() -> impl Strategy<Value = String> {
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

/// Arbitrary JSON; some objects have field names of the API.
pub fn any_json() -> impl Strategy<Value = Value> {
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

/// The name of a top-level field.
pub fn any_field_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = field_names().chain(["name"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

fn any_inner_name() -> impl Strategy<Value = String> {
    let members = FIELDS.iter().flat_map(|field| field.kind.members()).map(|member| member.name);
    let names: Vec<&str> = members.chain(PARAMETER_KEYS.iter().copied()).chain(["remove", "empty"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

/// A document that has passed the checks of a template, as merging and resolving get it.
pub fn any_document() -> impl Strategy<Value = Document> {
    (
        proptest::option::of(1_i64..4),
        proptest::option::of(any_variables(false)),
        proptest::option::of(any_resource()),
        proptest::option::of(any_mounts(false)),
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
            let given = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            given.collect()
        })
}

/// A request over such a document: any of its fields may be `null`, mounts may be removed.
pub fn any_request() -> impl Strategy<Value = Document> {
    let or_null = |values: BoxedStrategy<Value>| proptest::option::of(prop_oneof![4 => values, 1 => Just(Value::Null)]);
    (
        or_null((1_i64..4).prop_map(Value::from).boxed()),
        or_null(any_variables(true).boxed()),
        or_null(any_resource_patch().boxed()),
        or_null(any_mounts(true).boxed()),
        or_null(any::<bool>().prop_map(Value::from).boxed()),
    )
        .prop_map(|(centre, env, resource, mounts, switch)| {
            let fields = [
                ("aidcId", centre),
                ("env", env),
                ("resource", resource),
                ("storageConfigs", mounts),
                ("enableAutoRetry", switch),
            ];
            let given = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
            given.collect()
        })
}

fn any_key() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["A", "B", "a.b", "a", "b", "0", "", "x\"y", "训"]).prop_map(str::to_owned)
}

fn any_variables(in_request: bool) -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        2 => (0_i64..3).prop_map(Value::from),
        2 => "[xy]{0,2}".prop_map(Value::from),
        1 => "[st]".prop_map(|name| json!({"secret": name})),
    ];
    object_of(prop_oneof![4 => value, u32::from(in_request) => Just(Value::Null)].boxed())
}

fn any_small_object() -> impl Strategy<Value = Value> {
    object_of(prop_oneof![(0_i64..3).prop_map(Value::from), "[xy]{0,2}".prop_map(Value::from)].boxed())
}

fn any_small_patch() -> impl Strategy<Value = Value> {
    object_of(prop_oneof![(0_i64..3).prop_map(Value::from), Just(Value::Null)].boxed())
}

fn any_resource() -> impl Strategy<Value = Value> {
    object_of(prop_oneof![3 => (1_i64..9).prop_map(Value::from), 1 => any_small_object()].boxed())
}

fn any_resource_patch() -> impl Strategy<Value = Value> {
    object_of(
        prop_oneof![3 => (1_i64..9).prop_map(Value::from), 1 => any_small_patch(), 1 => Just(Value::Null)].boxed(),
    )
}

fn object_of(values: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    proptest::collection::vec((any_key(), values), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn any_mounts(in_request: bool) -> impl Strategy<Value = Value> {
    let item = (proptest::sample::select(vec!["/a", "/a/b", "/d.e"]), any::<bool>(), any::<bool>(), any::<bool>());
    proptest::collection::vec(item, 0..3).prop_map(move |items| {
        let mut seen = std::collections::BTreeSet::new();
        let distinct = items.into_iter().filter(|(path, ..)| seen.insert(*path));
        let mounts = distinct.map(|(path, slash, read_only, remove)| {
            let path = if slash { format!("{path}/") } else { path.to_owned() };
            if in_request && remove {
                json!({"mountPath": path, "remove": true})
            } else {
                json!({"mountPath": path, "onlyRead": read_only})
            }
        });
        mounts.collect()
    })
}
