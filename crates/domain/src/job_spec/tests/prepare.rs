//! The resolution of a merged document: defaults, switches, variables, centres, limitations.

use serde_json::{Value, json};

use crate::{
    framework::Framework,
    id::CentreId,
    job_spec::{Centre, JobSpec, Prepared, RetryPolicy, Storage, StorageType, prepare},
    merge::{Source, merge},
    samples::{centre, lines, object, published, template_source},
};

/// Resolves a template's document on centre 1 with 8 cores, 16 GB and 2 GPUs.
fn prepared(document: Value) -> Prepared {
    prepared_on(document, &[centre(8, 16, &["L40S", "L40S"])])
}

pub(super) fn prepared_on(document: Value, centres: &[Centre]) -> Prepared {
    prepare(merge(&object(document), &template_source(), &object(json!({}))), centres)
}

/// Adds a command to a document, so that the missing command is no problem.
fn spec(mut document: Value) -> JobSpec {
    document["startCommand"] = json!("./train");
    let prepared = prepared(document);
    prepared.spec.unwrap_or_else(|| panic!("{:?}", prepared.problems))
}

#[track_caller]
fn check_problems(mut document: Value, problems: &[&str]) {
    document["startCommand"] = json!("./train");
    let prepared = prepared(document);
    assert_eq!(lines(&prepared.problems), problems);
    assert_eq!(prepared.spec.is_none(), !problems.is_empty());
}

#[track_caller]
pub(super) fn check_warnings(document: Value, warnings: &[&str]) {
    let prepared = prepared(document);
    assert_eq!(lines(&prepared.warnings), warnings);
}

#[test]
fn a_field_left_out_has_its_default_and_the_source_default() {
    let prepared = prepared(json!({"startCommand": "./train"}));
    let expected = json!({
        "startCommand": "./train", "enableAutoRetry": false, "enableTimeoutCancel": false, "stopGraceSeconds": 30,
        "priority": 2, "env": {}, "storageConfigs": [], "aidcId": 1,
        "resource": {"workerCount": 1, "cpuCores": 1, "gpuCount": 0, "memoryGB": "2"},
    });
    assert_eq!(Value::Object(prepared.document), expected);
    let sources: Vec<_> = prepared.provenance.iter().map(|(path, source)| format!("{path}: {source}")).collect();
    assert_eq!(
        sources,
        [
            "aidcId: default",
            "enableAutoRetry: default",
            "enableTimeoutCancel: default",
            "env: default",
            "priority: default",
            "resource.cpuCores: default",
            "resource.gpuCount: default",
            "resource.memoryGB: default",
            "resource.workerCount: default",
            "startCommand: template tpl_07070707070707070707 v3",
            "stopGraceSeconds: default",
            "storageConfigs: default",
        ]
    );
    let spec = prepared.spec.unwrap();
    assert_eq!((spec.workers, spec.size.cpu_milli, spec.size.memory_bytes, spec.size.gpus), (1, 1000, 2 << 30, 0));
    assert_eq!((spec.priority, spec.retry, spec.timeout_seconds, spec.framework), (2, None, None, None));
    assert_eq!((spec.stop_grace_seconds, spec.work_dir, spec.image), (30, None, None));
}

#[test]
fn the_published_sample_runs_on_a_centre_that_has_what_it_asks_for() {
    let mut there = centre(64, 64, &["NVIDIA L40S PCIE 48G"]);
    there.id = CentreId(2);
    let (kind, path) = (StorageType::Capacity, "/data/nas".to_owned());
    there.storages = vec![Storage { id: "0000-0000-0000-0000".to_owned(), name: None, kind, path, read_only: false }];
    let mut document = published();
    object(document.clone()).remove("name");
    document["name"].take();
    let prepared = prepared_on(document, &[there]);
    assert_eq!(lines(&prepared.problems), Vec::<String>::new());
    assert_eq!(lines(&prepared.warnings), ["resource.productCode unknown"]);
    let spec = prepared.spec.unwrap();
    assert_eq!(spec.framework, Some(Framework::TensorFlow));
    assert_eq!(spec.env, [("ENV_MODE".to_owned(), "production".to_owned()), ("MAX_CONN".to_owned(), "200".to_owned())]);
    assert_eq!(spec.size.gpu_model.as_deref(), Some("NVIDIA L40S PCIE 48G"));
    assert_eq!(spec.retry, Some(RetryPolicy { max_retries: 3, delay_seconds: 10 }));
    assert_eq!((spec.timeout_seconds, spec.priority, spec.workers), (Some(3600), 3, 1));
    let mount = &spec.mounts[0];
    assert_eq!((mount.mount_path.as_str(), mount.read_only), ("/root/nas/123", true));
    assert_eq!(mount.directory.as_deref(), Some("nas123"));
}

#[test]
fn a_job_without_a_command_cannot_run() {
    for document in [json!({}), json!({"startCommand": ""}), json!({"startCommand": " \n"})] {
        assert_eq!(lines(&prepared(document).problems), ["startCommand required"]);
    }
}

#[test]
fn the_centre_is_the_one_named_or_the_lowest() {
    let numbered = |id| Centre { id: CentreId(id), ..centre(8, 16, &[]) };
    let on = |document: Value| prepared_on(document, &[numbered(7), numbered(3)]);
    assert_eq!(on(json!({"startCommand": "x"})).spec.unwrap().centre, CentreId(3));
    assert_eq!(on(json!({"startCommand": "x", "aidcId": 7})).spec.unwrap().centre, CentreId(7));
    let unknown = on(json!({"startCommand": "x", "aidcId": 5}));
    assert_eq!(lines(&unknown.problems), ["aidcId unknown"]);
    assert_eq!(unknown.problems[0].message, "this server has no compute centre 5; it has 3, 7");
    assert_eq!(lines(&prepared_on(json!({"startCommand": "x"}), &[]).problems), ["aidcId unknown"]);
}

#[test]
fn a_retry_happens_only_where_its_switch_is_on() {
    let retry = |document: Value| spec(document).retry.map(|policy| (policy.max_retries, policy.delay_seconds));
    assert_eq!(retry(json!({"maxRetryCount": 5})), None);
    assert_eq!(retry(json!({"enableAutoRetry": false, "maxRetryCount": -5})), None);
    assert_eq!(retry(json!({"enableAutoRetry": true})), Some((3, 10)));
    assert_eq!(retry(json!({"enableAutoRetry": true, "maxRetryCount": 0})), Some((0, 10)));
    assert_eq!(retry(json!({"enableAutoRetry": true, "maxRetryCount": 100, "retryDelaySeconds": 0})), Some((100, 0)));
    check_problems(json!({"enableAutoRetry": true, "maxRetryCount": 101}), &["maxRetryCount out_of_range"]);
    check_problems(json!({"enableAutoRetry": true, "maxRetryCount": -1}), &["maxRetryCount out_of_range"]);
    let filled = prepared(json!({"enableAutoRetry": true}));
    assert_eq!(filled.document["maxRetryCount"], json!(3));
    assert_eq!(filled.document["retryDelaySeconds"], json!(10));
    assert_eq!(filled.provenance["maxRetryCount"], Source::Default);
}

#[test]
fn a_timeout_is_given_in_hours_or_in_seconds_which_win() {
    let timeout = |document: Value| spec(document).timeout_seconds;
    assert_eq!(timeout(json!({"timeoutHours": 5})), None);
    assert_eq!(timeout(json!({"enableTimeoutCancel": false, "timeoutHours": 0})), None);
    assert_eq!(timeout(json!({"enableTimeoutCancel": true, "timeoutHours": 8760})), Some(31_536_000));
    assert_eq!(timeout(json!({"enableTimeoutCancel": true, "timeoutSeconds": 5})), Some(5));
    assert_eq!(timeout(json!({"enableTimeoutCancel": true, "timeoutHours": 1, "timeoutSeconds": 5})), Some(5));
    check_problems(json!({"enableTimeoutCancel": true}), &["timeoutHours required"]);
    check_problems(json!({"enableTimeoutCancel": true, "timeoutHours": 0}), &["timeoutHours out_of_range"]);
    check_problems(json!({"enableTimeoutCancel": true, "timeoutHours": 8761}), &["timeoutHours out_of_range"]);
    check_warnings(json!({"timeoutSeconds": 5}), &["timeoutSeconds suspicious"]);
}

#[test]
fn variables_reach_the_job_as_text_and_those_of_the_launch_are_refused_with_the_list() {
    let env = spec(json!({"env": {"S": "x y", "I": 7, "F": 0.5, "B": true, "E": ""}})).env;
    let text: Vec<_> = env.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(text, ["S=x y", "I=7", "F=0.5", "B=true", "E="]);
    let all = json!({
        "MASTER_PORT": 1, "RANK": "0", "TF_CONFIG": "{}", "TRAINYARD_X": "1", "CUDA_VISIBLE_DEVICES": "0",
        "CUDA_DEVICE_ORDER": "FASTEST_FIRST",
    });
    let check = |framework: Value, problems: &[&str]| {
        check_problems(json!({"trainingFramwork": framework, "env": all}), problems);
    };
    let always = ["env.TRAINYARD_X reserved", "env.CUDA_VISIBLE_DEVICES reserved", "env.CUDA_DEVICE_ORDER reserved"];
    check(json!("PyTorch"), &["env.MASTER_PORT reserved", "env.RANK reserved", always[0], always[1], always[2]]);
    check(json!("DeepSpeed"), &["env.MASTER_PORT reserved", "env.RANK reserved", always[0], always[1], always[2]]);
    check(json!("TensorFlow"), &["env.TF_CONFIG reserved", always[0], always[1], always[2]]);
    check(json!("MPI"), &always);
    check(json!(null), &always);
}

#[test]
fn all_problems_are_reported_at_once() {
    let prepared = prepared(json!({
        "enableTimeoutCancel": true, "env": {"TRAINYARD_RANK": "0"},
        "resource": {"cpuCores": 9, "memoryGB": 17, "gpuCount": 3},
    }));
    assert_eq!(
        lines(&prepared.problems),
        [
            "timeoutHours required",
            "startCommand required",
            "env.TRAINYARD_RANK reserved",
            "resource.cpuCores never_fits",
            "resource.memoryGB never_fits",
            "resource.gpuCount never_fits",
        ]
    );
}

#[test]
fn a_variable_that_names_a_secret_is_kept_apart_from_the_plain_ones() {
    let document = json!({"env": {"A": "1", "KEY": {"secret": "wandb"}, "B": 2, "https_proxy": {"secret": "proxy"}}});
    let spec = spec(document.clone());
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(spec.env, [pair("A", "1"), pair("B", "2")]);
    assert_eq!(spec.secrets, [pair("KEY", "wandb"), pair("https_proxy", "proxy")]);
    let prepared = prepared(document);
    assert_eq!(prepared.document["env"]["KEY"], json!({"secret": "wandb"}));
    assert!(prepared.provenance.contains_key("env.KEY"), "{:?}", prepared.provenance);
    let secret = json!({"secret": "s"});
    check_problems(
        json!({"env": {"TMPDIR": secret, "no_proxy": secret, "NO_PROXY": secret}}),
        &["env.TMPDIR reserved", "env.no_proxy reserved", "env.NO_PROXY reserved"],
    );
    check_problems(
        json!({"env": {"MASTER_PORT": secret}, "trainingFramwork": "PyTorch"}),
        &["env.MASTER_PORT reserved"],
    );
}
