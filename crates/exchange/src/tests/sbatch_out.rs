//! Templates as batch scripts: the directives, and a note for every value that they do not express.

use trainyard_domain::samples::published;

use super::*;

#[track_caller]
fn directives(body: Value) -> Vec<String> {
    let text = exported(&document(body), Format::Sbatch).text;
    text.lines().filter_map(|line| line.strip_prefix("#SBATCH --")).map(str::to_owned).collect()
}

/// Checks the directives of a template beside those that every script has.
#[track_caller]
fn check(body: Value, expected: &[&str]) {
    let plain = directives(json!({"name": "a"}));
    let own: Vec<String> = directives(body).into_iter().filter(|line| !plain.contains(line)).collect();
    assert_eq!(own, expected);
}

/// The paths of the notes of an export.
fn noted(body: Value) -> Vec<String> {
    let notes = exported(&document(body), Format::Sbatch).notes;
    notes.iter().map(|note| note.split(": ").next().unwrap().to_owned()).collect()
}

#[test]
fn every_script_has_the_same_fixed_directives() {
    assert_eq!(
        directives(json!({"name": "a"})),
        [
            "job-name=a",
            "nodes=1",
            "ntasks-per-node=1",
            "cpus-per-task=1",
            "no-requeue",
            "export=NONE",
            "output=slurm-%j.out"
        ]
    );
}

#[test]
fn the_published_sample_has_the_directives_for_its_sizes() {
    assert_eq!(
        directives(published()),
        [
            "job-name=\"my training task\"",
            "nodes=1",
            "ntasks-per-node=1",
            "cpus-per-task=1",
            "mem=2048M",
            "gres=gpu:NVIDIA-L40S-PCIE-48G:1",
            "time=60",
            "comment=\"my training task\"",
            "requeue",
            "export=NONE",
            "output=slurm-%j.out",
        ]
    );
    assert_eq!(
        noted(published()),
        [
            "aidcId",
            "trainingType",
            "imageType",
            "image",
            "resource.type",
            "resource.productCode",
            "resource.productName",
            "resource.productPrice",
            "storageConfigs",
            "maxRetryCount",
            "priority",
            "enableAutoRetry",
            "resource.gpuName",
            "workDir",
        ]
    );
}

#[test]
fn sizes_and_times_are_rounded_up() {
    let resource = |key: &str, value: Value| json!({"name": "a", "resource": {key: value}});
    check(resource("workerCount", json!("16")), &["nodes=16"]);
    check(resource("cpuCores", json!("2.001")), &["cpus-per-task=3"]);
    check(resource("cpuCores", json!(0.5)), &[]);
    check(resource("memoryGB", json!("0.001")), &["mem=2M"]);
    check(resource("memoryGB", json!(1.5)), &["mem=1536M"]);
    check(resource("gpuCount", json!(4)), &["gres=gpu:4"]);
    let limit = |field: &str, number: u64| json!({"name": "a", "enableTimeoutCancel": true, field: number});
    check(limit("timeoutHours", 2), &["time=120"]);
    check(limit("timeoutSeconds", 1), &["time=1"]);
    check(limit("timeoutSeconds", 61), &["time=2"]);
    check(json!({"name": "a", "enableTimeoutCancel": true, "timeoutHours": 9, "timeoutSeconds": 60}), &["time=1"]);
    check(json!({"name": "a", "timeoutSeconds": 60}), &[]);
}

#[test]
fn models_that_no_type_can_name_are_left_out_and_noted() {
    let named = |name: &str| json!({"name": "a", "resource": {"gpuCount": 2, "gpuName": name}});
    check(named("A100"), &["gres=gpu:A100:2"]);
    for name in ["NVIDIA A100", "-", "a,b", "a:9", "训", "4090", "a\nb"] {
        check(named(name), &["gres=gpu:2"]);
        assert!(noted(named(name)).contains(&"resource.gpuName".to_owned()), "{name}");
    }
}

#[test]
fn under_mpi_a_node_has_a_slot_for_each_gpu() {
    let mpi = |gpus: u32| json!({"name": "a", "trainingFramwork": "MPI", "resource": {"cpuCores": 6, "gpuCount": gpus, "workerCount": 2}});
    check(mpi(0), &["nodes=2", "cpus-per-task=6"]);
    check(mpi(4), &["nodes=2", "ntasks-per-node=4", "cpus-per-task=2", "gres=gpu:4"]);
}

#[test]
fn no_text_can_begin_a_line_of_its_own() {
    for text in NASTY {
        let whole = document(
            json!({"name": "a", "desc": text, "labels": {"a": text}, "image": "i", "resource": {*text: text}}),
        );
        let script = exported(&whole, Format::Sbatch).text;
        let head = script.split("\nvariables=(").next().unwrap();
        assert!(head.lines().all(|line| line.is_empty() || line.starts_with('#')), "{head}");
        let orders: Vec<&str> = head.lines().filter(|line| line.starts_with("#SBATCH")).collect();
        assert!(orders.len() <= 8 && orders.iter().filter(|line| line.contains("--nodes=")).count() <= 2, "{head}");
        assert!(!script.contains('\r') && !script.contains('\0'), "{script:?}");
    }
}

#[test]
fn a_parameter_without_a_default_is_named() {
    let body = json!({"name": "a", "parameters": [
        {"name": "LR", "type": "number", "default": 0.1}, {"name": "SEED", "type": "integer", "required": true},
        {"name": "TAG", "type": "string"},
    ]});
    let Exported { text, notes } = exported(&document(body), Format::Sbatch);
    assert!(text.contains("parameters=(\n  'LR=0.1'\n)\n"), "{text}");
    let named: Vec<&String> = notes.iter().filter(|note| note.contains("has no default")).collect();
    assert!(
        named[0].contains("`SEED` has no default and must") && named[1].contains("`TAG` has no default and may"),
        "{notes:?}"
    );
}

proptest! {
    #[test]
    fn every_field_is_in_the_script_or_noted(document in any_template()) {
        let Exported { text, notes } = exported(&document, Format::Sbatch);
        // The script without the lines that only an import reads.
        let bare: String = text.lines().filter(|line| !line.starts_with("#= ")).map(|line| format!("{line}\n")).collect();
        let back = imported(&bare).body;
        for (key, value) in &document {
            let is_same = back.get(key) == Some(value);
            let is_noted = notes.iter().any(|note| trainyard_domain::path::is_within(note.split(": ").next().unwrap(), key));
            let only_types = ["resource", "env", "parameters"].contains(&key.as_str());
            let is_off = *value == json!({}) || *value == json!([]) || *value == json!(false);
            prop_assert!(is_same || is_noted || only_types || is_off, "{}: {:?}", key, notes);
        }
        for note in &notes {
            let line: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert!(text.contains(&line), "{}", line);
        }
    }
}
