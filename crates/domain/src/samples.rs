//! Shared by the tests: the published sample, small builders, and generators of arbitrary JSON.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    attempt::{Exit, WorkerFact},
    capacity::{Capacity, GB, Gpu, WorkerSize},
    document::Document,
    fault::Fault,
    id::{CentreId, JobId, TemplateId},
    job::{Job, JobState, RetryCounts},
    job_spec::{Centre, FIELDS, JobSpec},
    merge::Source,
    parameter::PARAMETER_KEYS,
    reason::Reason,
    time::{Span, WallTime},
};

/// The body of the published page's curl sample.
pub(crate) fn published() -> Value {
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

/// The members of a JSON object.
pub(crate) fn object(value: Value) -> Document {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// `path code`, one line for each fault.
pub(crate) fn lines(faults: &[Fault]) -> Vec<String> {
    let line = |fault: &Fault| format!("{} {}", fault.path, fault.code.as_str());
    faults.iter().map(line).collect()
}

/// A point of the wall clock.
pub(crate) const fn at(ms: i64) -> WallTime {
    WallTime::from_ms(ms)
}

/// A length of time.
pub(crate) const fn span(ms: i64) -> Span {
    Span::from_ms(ms)
}

/// The job of this number.
pub(crate) fn job_id(number: u8) -> JobId {
    JobId::from_random([number; 10])
}

/// A template's version as a source.
pub(crate) fn template_source() -> Source {
    Source::Template(TemplateId::from_random([7; 10]), 3)
}

/// A centre with these cores, GB and accelerators.
pub(crate) fn centre(cores: u64, memory_gb: u64, models: &[&str]) -> Centre {
    Centre {
        id: CentreId(1),
        capacity: capacity(cores, memory_gb, models),
        products: Vec::new(),
        aliases: Vec::new(),
        is_allocated_here: true,
        judge: crate::job_spec::Judge::default(),
        can_mount: true,
        storages: Vec::new(),
        data_dir: None,
        ports: None,
    }
}

/// A capacity of these cores, GB and accelerators.
pub(crate) fn capacity(cores: u64, memory_gb: u64, models: &[&str]) -> Capacity {
    let gpu = |(index, model): (u32, &&str)| Gpu { index, model: (*model).to_owned() };
    Capacity { cpu_milli: cores * 1000, memory_bytes: memory_gb * GB, gpus: (0..).zip(models).map(gpu).collect() }
}

/// One core, one GB, and this many accelerators of any model.
pub(crate) fn worker_size(gpus: u32) -> WorkerSize {
    WorkerSize { cpu_milli: 1000, memory_bytes: GB, gpus, gpu_model: None }
}

/// The spec of a job of this many small workers, without optional fields.
pub(crate) fn spec(workers: u32) -> JobSpec {
    JobSpec {
        centre: CentreId(1),
        framework: None,
        image: None,
        env: Vec::new(),
        size: worker_size(0),
        workers,
        mounts: Vec::new(),
        retry: None,
        timeout_seconds: None,
        stop_grace_seconds: 30,
        command: "python train.py".to_owned(),
        work_dir: None,
        priority: 2,
    }
}

/// A job that was just created.
pub(crate) fn queued(spec: JobSpec) -> Job {
    Job {
        id: job_id(1),
        name: "digits".to_owned(),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        template: None,
        document: Map::new(),
        provenance: std::collections::BTreeMap::new(),
        spec,
        created: at(1_000),
        queued: at(1_000),
        started: None,
        ended: None,
        state: JobState::Queued { waiting: Vec::new() },
        reason: Reason::Submitted,
        message: String::new(),
        retries: RetryCounts::default(),
        ran: Span::ZERO,
        attempt: None,
    }
}

/// A worker that ran from 0 to `ended_ms`.
pub(crate) fn exited(rank: u32, exit: Exit, ended_ms: i64) -> WorkerFact {
    WorkerFact {
        pid: Some(100 + rank),
        started_ms: Some(at(0)),
        ended_ms: Some(at(ended_ms)),
        exit: Some(exit),
        ..WorkerFact::unknown(rank)
    }
}

/// A worker that runs since `started_ms`, or is being started.
pub(crate) fn living(rank: u32, started_ms: Option<i64>) -> WorkerFact {
    WorkerFact { pid: started_ms.map(|_| 100 + rank), started_ms: started_ms.map(at), ..WorkerFact::unknown(rank) }
}

/// Text with characters that break careless readers: NUL, quotes, dots, brackets, other scripts, neighbours of surrogates.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
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
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
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
pub(crate) fn any_field_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = crate::job_spec::field_names().chain(["name"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

fn any_inner_name() -> impl Strategy<Value = String> {
    let members = FIELDS.iter().flat_map(|field| field.kind.members()).map(|member| member.name);
    let names: Vec<&str> = members.chain(PARAMETER_KEYS.iter().copied()).chain(["remove", "empty"]).collect();
    proptest::sample::select(names).prop_map(str::to_owned)
}

/// A document that has passed the checks of a template, as merging and resolving get it.
pub(crate) fn any_document() -> impl Strategy<Value = Document> {
    (
        proptest::option::of(1_i64..4),
        proptest::option::of(any_small_object()),
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
pub(crate) fn any_request() -> impl Strategy<Value = Document> {
    let or_null = |values: BoxedStrategy<Value>| proptest::option::of(prop_oneof![4 => values, 1 => Just(Value::Null)]);
    (
        or_null((1_i64..4).prop_map(Value::from).boxed()),
        or_null(any_small_patch().boxed()),
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
