//! Manifests of Kubeflow: every value is translated or listed. The fixtures have the structure of real manifests.

use super::*;
use crate::MOST_UNMAPPED;

/// Checks the body that a manifest gives, and the paths of the unmapped values.
#[track_caller]
fn check(manifest: &str, body: Value, left: &[&str]) {
    let back = imported(manifest);
    assert_eq!(back.format, Format::Kubeflow);
    assert_eq!(Value::Object(back.body.clone()), body, "{body:#}");
    let lines = unmapped(&back);
    let starts: Vec<&str> = lines.iter().map(|line| line.split(" = ").next().unwrap()).collect();
    assert_eq!(starts, left, "{lines:#?}");
    TemplateInput::parse(&body).unwrap();
}

/// A PyTorchJob with this container only.
fn job(container: &str) -> String {
    format!(
        "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {{name: a}}\nspec:\n  pytorchReplicaSpecs:\n    Worker:\n      \
         template: {{spec: {{containers: [{container}]}}}}\n"
    )
}

#[track_caller]
fn check_container(container: &str, field: &str, expected: Value) {
    let body = imported(&job(container)).body;
    assert_eq!(body.get(field).unwrap_or(&Value::Null), &expected, "{container}");
}

#[test]
fn a_pytorch_job_of_two_roles_becomes_one_template() {
    let master = "spec.pytorchReplicaSpecs.Master.template";
    let worker = "spec.pytorchReplicaSpecs.Worker.template";
    let at = |base: &str, path: &str| format!("{base}.{path}");
    let left = [
        "metadata.namespace".to_owned(),
        "metadata.annotations".to_owned(),
        "spec.runPolicy.cleanPodPolicy".to_owned(),
        at(master, "metadata"),
        at(master, "spec.nodeSelector.zone"),
        at(master, "spec.tolerations"),
        at(master, "spec.initContainers"),
        at(master, "spec.containers[0]"),
        at(master, "spec.containers[1].imagePullPolicy"),
        at(master, "spec.containers[1].env[0]"),
        at(master, "spec.containers[1].env[2]"),
        at(master, "spec.containers[1].env[3]"),
        at(master, "spec.containers[1].resources.limits[\"rdma/hca\"]"),
        at(master, "spec.containers[1].resources.requests.cpu"),
        at(master, "spec.containers[1].volumeMounts[1]"),
        at(master, "spec.volumes[0].persistentVolumeClaim.claimName"),
        at(master, "spec.volumes[1]"),
        at(worker, "spec.containers[0].image"),
    ];
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    let body = json!({
        "name": "digits", "labels": {"team": "vision"}, "trainingFramwork": "PyTorch",
        "resource": {"workerCount": 4, "gpuName": "NVIDIA-L40S", "cpuCores": "3.5", "memoryGB": "16", "gpuCount": "2"},
        "stopGraceSeconds": 45, "image": "registry.local/digits:2", "workDir": "/app",
        "env": {"EMPTY": "", "RUN": "8"},
        "startCommand": r#"python3 -u train.py --run="$RUN" --note 'it'\''s $(RUN) $(OTHER)'"#,
        "storageConfigs": [{"storageId": "digits-data", "mountPath": "/data", "fileDirectory": "digits", "onlyRead": true}],
        "enableAutoRetry": true, "maxRetryCount": 4, "enableTimeoutCancel": true, "timeoutSeconds": 7200,
    });
    check(include_str!("fixtures/pytorch_job.yaml"), body, &left);
}

#[test]
fn a_train_job_is_found_among_other_documents() {
    let left = [
        "documents[0]",
        "documents[1].metadata.generateName",
        "documents[1].spec.runtimeRef",
        "documents[1].spec.suspend",
        "documents[1].spec.initializer",
        "documents[1].spec.runtimePatches",
    ];
    let body = json!({
        "name": "digits", "trainingFramwork": "PyTorch", "enableTimeoutCancel": true, "timeoutSeconds": 90,
        "image": "registry.local/digits:2", "startCommand": "pip list\ntorchrun train.py --name 'it'\n",
        "resource": {"workerCount": 2, "cpuCores": "4", "memoryGB": "7.451", "gpuCount": "1"}, "env": {"LOG": "debug"},
    });
    check(include_str!("fixtures/train_job.yaml"), body, &left);
}

#[test]
fn quantities_are_read_in_all_their_forms() {
    let cpu = |text: &str, cores: Value| {
        let container = format!("{{resources: {{limits: {{cpu: {text}}}}}}}");
        let body = imported(&job(&container)).body;
        assert_eq!(body["resource"].get("cpuCores").unwrap_or(&Value::Null), &cores, "{text}");
    };
    cpu("2", json!("2"));
    cpu("\"2\"", json!("2"));
    cpu("0.5", json!("0.5"));
    cpu("500m", json!("0.5"));
    cpu("1e3m", json!(null));
    cpu("2e0", json!("2"));
    cpu("100u", json!("0.001"));
    cpu(".5", json!("0.5"));
    for odd in ["-1", "x", "\"\"", "\"1 2\"", "1.2.3", "[1]", "99999999999999999999E", "1e99"] {
        cpu(odd, json!(null));
    }
    let memory = |text: &str, gigabytes: &str| {
        check_container(
            &format!("{{resources: {{requests: {{memory: {text}}}}}}}"),
            "resource",
            json!({"workerCount": 1, "memoryGB": gigabytes}),
        );
    };
    memory("1Gi", "1");
    memory("512Mi", "0.5");
    memory("1Ti", "1024");
    memory("1073741824", "1");
    memory("1G", "0.932");
    memory("1e9", "0.932");
    memory("1k", "0.001");
}

#[test]
fn command_and_arguments_are_quoted_for_the_shell() {
    let check = |container: &str, command: Value| check_container(container, "startCommand", command);
    check(
        "{command: [python, a b.py], args: ['', '$HOME', 'it''s', '*']}",
        json!(r#"python 'a b.py' '' '$HOME' 'it'\''s' '*'"#),
    );
    check("{command: [sh, -c, 'a | b']}", json!("a | b"));
    check("{command: [/bin/sh, -c], args: ['a | b']}", json!("a | b"));
    check("{command: [/bin/sh, -c, a, b]}", json!("/bin/sh -c a b"));
    check("{command: [bash, -c, 'a | b']}", json!("bash -c 'a | b'"));
    check("{command: [sh, -c, 'a $(A) b'], env: [{name: A, value: x}]}", json!(r#"sh -c 'a '"$A"' b'"#));
    check("{command: [a, '$(A)$(B)'], env: [{name: A, value: x}]}", json!(r#"a "$A"'$(B)'"#));
    check("{command: [a, '$$(A)', $$, $], env: [{name: A, value: x}]}", json!("a '$(A)' '$' '$'"));
    check("{args: [a]}", Value::Null);
    check("{command: a}", Value::Null);
    check("{command: [1]}", Value::Null);
}

#[test]
fn restarts_are_retries() {
    let read = |policy: &str, limit: &str| {
        let limit = if limit.is_empty() { String::new() } else { format!("runPolicy: {{backoffLimit: {limit}}}, ") };
        let manifest = format!(
            "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nspec: {{{limit}\
             pytorchReplicaSpecs: {{Worker: {{restartPolicy: {policy}}}}}}}"
        );
        let back = imported(&manifest);
        let field = |name: &str| back.body.get(name).cloned().unwrap_or(Value::Null);
        (field("enableAutoRetry"), field("maxRetryCount"), back.unmapped.len())
    };
    assert_eq!(read("OnFailure", "3"), (json!(true), json!(3), 0));
    assert_eq!(read("Never", "3"), (json!(false), json!(3), 0));
    assert_eq!(read("Never", ""), (json!(null), json!(null), 0));
    assert_eq!(read("Always", ""), (json!(true), json!(null), 1));
    assert_eq!(read("ExitCode", "0"), (json!(true), json!(0), 1));
    assert_eq!(read("OnFailure", "1000"), (json!(true), json!(null), 1));
    assert_eq!(read("Sometimes", "-1"), (json!(null), json!(null), 2));
}

#[test]
fn other_kinds_are_refused_and_named() {
    let check = |text: &str, part: &str| {
        let faults = import(text, None).unwrap_err();
        assert!(faults[0].message.contains(part), "{}", faults[0].message);
        assert_eq!(faults[0].path, "text");
    };
    check("apiVersion: batch/v1\nkind: Job\nmetadata: {name: b}", "batch/v1 Job b");
    check("apiVersion: kubeflow.org/v1\nkind: MPIJob", "kubeflow.org/v1 MPIJob");
    check("apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B", "v1 A, v1 B");
    check("apiVersion: [1]\nkind: 2", "- -");
    let two = "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\n---\napiVersion: kubeflow.org/v1\nkind: PyTorchJob\n";
    check(two, "holds 2 training jobs");
}

/// Manifests with the fields that the import reads, and arbitrary values in them.
fn any_manifest() -> impl Strategy<Value = Value> {
    let container = |values: BoxedStrategy<Value>| {
        let keys = ["name", "image", "command", "args", "env", "resources", "volumeMounts", "workingDir", "ports"];
        proptest::collection::vec((proptest::sample::select(keys.to_vec()), values), 0..6)
            .prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>())
    };
    let value = prop_oneof![
        3 => any_json(),
        1 => Just(json!(["python", "$(A)"])),
        1 => Just(json!([{"name": "A", "value": "b"}, {"name": "A", "value": "c"}, {"name": "B", "valueFrom": {"x": 1}}])),
        1 => Just(json!({"limits": {"cpu": "500m", "memory": "1Gi", "x": 1}, "requests": {"cpu": 1}})),
        1 => Just(json!([{"name": "v", "mountPath": "/v"}])),
    ];
    let pod = (container(value.clone().boxed()), container(value.boxed()), any_json(), any_json()).prop_map(|(one, two, odd, more)| {
        json!({"containers": [one, two], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, odd], "x": more})
    })
    .boxed();
    (pod.clone(), pod, any_json(), any_json(), any::<bool>()).prop_map(|(one, two, odd, more, is_job)| {
        if is_job {
            let roles = json!({"Master": {"replicas": 1, "template": {"spec": one}}, "Worker": {"template": {"spec": two}, "x": odd}});
            json!({"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": more.clone(),
                   "spec": {"pytorchReplicaSpecs": roles, "runPolicy": more}})
        } else {
            json!({"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": more,
                   "spec": {"trainer": one["containers"][0], "runtimeRef": odd, "x": two}})
        }
    })
}

/// Adds all scalars of a value, as `shown` writes them.
fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| scalars(member, found)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Null => {}
        other => found.push(crate::ledger::shown(other)),
    }
}

proptest! {
    #[test]
    fn nothing_of_a_manifest_is_lost(manifest in any_manifest(), marks in any::<u16>()) {
        // Every text becomes unique, so that the test finds it in the body or in the list.
        let mut number = usize::from(marks);
        let mut marked = manifest.clone();
        mark(&mut marked, &mut number);
        let back = import(&marked.to_string(), None).unwrap();
        prop_assume!(back.unmapped.len() < MOST_UNMAPPED);
        let mut whole = Value::Object(back.body.clone()).to_string();
        back.unmapped.iter().for_each(|left| whole += &format!("\n{} {}", left.path, left.value));
        let mut said = Vec::new();
        scalars(&marked, &mut said);
        for text in said.iter().filter(|text| text.starts_with("mark")) {
            let cut = back.unmapped.iter().any(|left| left.value.ends_with('…'));
            prop_assert!(cut || whole.contains(text.as_str()), "{} of {:#}\n{}", text, marked, whole);
        }
    }
}

/// Replaces texts that do not influence the translation.
fn mark(value: &mut Value, number: &mut usize) {
    match value {
        Value::Object(members) => {
            let places = members
                .iter_mut()
                .filter(|(key, _)| !["apiVersion", "kind", "mountPath", "cpu", "memory"].contains(&key.as_str()));
            let is_v = |value: &Value| *value == json!("v");
            places.filter(|(_, value)| !is_v(value)).for_each(|(_, member)| mark(member, number));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, number)),
        Value::String(text) if !text.contains('$') => {
            *number += 1;
            *text = format!("mark{number}x");
        }
        _ => {}
    }
}
