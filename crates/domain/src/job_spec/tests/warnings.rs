//! Warnings about probable mistakes, and problems that an engine sees in a spec.

use serde_json::{Value, json};

use super::prepare::{check_warnings, prepared_on};
use crate::{
    fault::{Fault, FaultCode},
    job_spec::{Centre, JobSpec, Judge, Problem},
    samples::centre,
};

#[test]
fn misspelt_keys_of_free_form_objects_get_a_warning() {
    check_warnings(
        json!({
            "startCommand": "x",
            "resource": {"gpucount": 1, "memory": "2", "cpu_cores": 1, "zone": "a", "gpuNames": "x"},
            "storageConfigs": [{"mountPath": "/a/", "onlyread": true, "quota": 5}],
        }),
        &[
            "resource.gpucount suspicious",
            "resource.memory suspicious",
            "resource.cpu_cores suspicious",
            "resource.gpuNames suspicious",
            "storageConfigs[\"/a\"].onlyread suspicious",
        ],
    );
}

#[test]
fn plain_text_in_a_variable_with_the_name_of_a_secret_gets_a_warning() {
    let env = json!({"HF_TOKEN": "hf_x", "db.Password": "x", "WANDB_API_KEY": {"secret": "wandb"}, "EMPTY_TOKEN": "",
                     "MAX_TOKEN": 5, "MODE": "x"});
    check_warnings(
        json!({"startCommand": "x", "env": env}),
        &["env.HF_TOKEN suspicious", "env[\"db.Password\"] suspicious"],
    );
}

#[test]
fn plain_python_with_several_gpus_gets_a_warning() {
    let check = |framework: &str, gpus: u32, command: &str, warned: bool| {
        let document = json!({"trainingFramwork": framework, "startCommand": command, "resource": {"gpuCount": gpus}});
        let wanted: &[&str] = if warned { &["startCommand suspicious"] } else { &[] };
        check_warnings(document, wanted);
    };
    check("PyTorch", 2, "python train.py", true);
    check("DeepSpeed", 2, "/venv/bin/python3 train.py", true);
    check("PyTorch", 1, "python train.py", false);
    check("PyTorch", 2, "torchrun train.py", false);
    check("PyTorch", 2, "python -m torch.distributed.run train.py", false);
    check("PyTorch", 2, "accelerate launch train.py", false);
    check("TensorFlow", 2, "python train.py", false);
    check("MPI", 2, "python train.py", false);
}

#[test]
fn a_problem_that_the_engine_sees_concerns_only_jobs_that_request_it() {
    let check = |path: &str, document: Value, refuses: bool, asked: bool| {
        let problem = Problem { path: path.to_owned(), message: "not done".to_owned(), refuses };
        let judge = Judge::new(move |spec| if asks(spec, &problem.path) { vec![problem.clone()] } else { Vec::new() });
        let limited = Centre { judge, can_mount: path != "storageConfigs", ..centre(8, 16, &["L40S"]) };
        let prepared = prepared_on(document, &[limited]);
        let told = |list: &[Fault]| list.iter().any(|f| f.path == path && f.code == FaultCode::NotSupported);
        assert_eq!(told(&prepared.problems), asked && refuses, "{path}");
        assert_eq!(told(&prepared.warnings), asked && !refuses, "{path}");
    };
    for refuses in [true, false] {
        check("image", json!({"image": "pytorch:2"}), refuses, true);
        check("image", json!({"image": ""}), refuses, false);
        check("image", json!({}), refuses, false);
        check("storageConfigs", json!({"storageConfigs": [{"mountPath": "/a"}]}), refuses, true);
        check("storageConfigs", json!({"storageConfigs": []}), refuses, false);
        check("resource.gpuCount", json!({"resource": {"gpuCount": "1"}}), refuses, true);
        check("resource.gpuCount", json!({"resource": {"gpuCount": "0"}}), refuses, false);
        check("resource.gpuCount", json!({}), refuses, false);
        check("enableAutoRetry", json!({"enableAutoRetry": true}), refuses, true);
        check("enableAutoRetry", json!({}), refuses, false);
    }
}

/// Whether a spec uses the field at this path, as an engine that does not support the field decides.
fn asks(spec: &JobSpec, path: &str) -> bool {
    match path {
        "image" => spec.image.is_some(),
        "storageConfigs" => !spec.mounts.is_empty(),
        "resource.gpuCount" => spec.size.gpus > 0,
        _ => spec.retry.is_some(),
    }
}

#[test]
fn only_the_engine_says_whether_a_job_fits_where_it_allocates_the_capacity() {
    let document = || json!({"startCommand": "x", "resource": {"cpuCores": 3, "gpuCount": 9}});
    assert!(!prepared_on(document(), &[centre(2, 16, &[])]).problems.is_empty());
    let known = Centre { is_allocated_here: false, ..centre(2, 16, &[]) };
    assert_eq!(prepared_on(document(), &[known]).problems, []);
    let unknown = Centre { is_allocated_here: false, ..centre(0, 0, &[]) };
    let prepared = prepared_on(document(), &[unknown]);
    assert_eq!(prepared.problems, []);
    assert_eq!(prepared.document["resource"]["memoryGB"], json!("3"), "one GB for each core");
}
