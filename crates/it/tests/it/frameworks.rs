//! Real trainings with two workers for each framework, from the examples of this repository.
//!
//! If a framework is missing, its test fails and names the script that installs it.

mod deepspeed;
mod evidence;
mod mpi;
mod pytorch;
mod tensorflow;

use std::{path::PathBuf, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    harness::{Host, ROOMY, has_ended, until_within},
    processes,
};

/// The Python interpreter that can import Debian's packaged modules.
const SYSTEM_PYTHON: &str = "/usr/bin/python3";

/// Time limit of a training: imports alone take many seconds while other tests use the cores.
const PATIENCE: Duration = Duration::from_secs(240);

/// Returns the path of a script in the repository's examples.
fn example(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path);
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

/// Fails unless the system's Python can import these modules.
fn system_python_with(modules: &[&str]) -> &'static str {
    let import = format!("import {}", modules.join(", "));
    let done = Command::new(SYSTEM_PYTHON).args(["-c", &import]).output();
    let is_installed = done.is_ok_and(|done| done.status.success());
    assert!(is_installed, "{SYSTEM_PYTHON} cannot `{import}`: run scripts/test-deps.sh, which installs it");
    SYSTEM_PYTHON
}

/// Returns the virtual environment of a framework. A script creates it, and nextest passes its path.
fn venv(name: &str) -> String {
    let variable = format!("TRAINYARD_TEST_VENV_{}", name.to_uppercase().replace('-', "_"));
    let advice = format!("run scripts/test-venvs.sh {name} and set {variable} as it prints");
    let venv = std::env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set: {advice}"));
    let python = PathBuf::from(&venv).join("bin/python");
    assert!(python.exists(), "{} is not there: {advice}", python.display());
    venv
}

/// The fields of every training here. The commands name scripts and programs of this repository, which an attempt sees
/// below its working directory even if the repository is in `/tmp`.
fn two_workers(framework: &str, env: Value) -> Value {
    let repository = std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
    json!({
        "workDir": repository,
        "trainingFramwork": framework, "trainingType": "PRE_TRAINING", "env": env,
        "resource": {"workerCount": 2, "cpuCores": "1", "memoryGB": "2"},
        "stopGraceSeconds": 5,
    })
}

/// Waits for the end of a training and returns the logs of its first two workers.
async fn finished_logs(host: &Host, job: &str) -> Vec<String> {
    let ended = until_within(PATIENCE, async || {
        let detail = host.detail(job).await;
        if has_ended(&detail) { Ok(detail) } else { Err(detail) }
    });
    let detail = ended.await;
    let logs = vec![host.log(job, 0).await, host.log(job, 1).await];
    assert_eq!(detail["status"], "Succeeded", "{}\n{}", detail["message"], logs.join("\n--- rank 1\n"));
    let left = processes::of_job(job);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
    logs
}

/// Runs one training alone on its own server.
async fn run(command: &str, more: Value) -> Vec<String> {
    let host = Host::start(ROOMY).await;
    let job = host.job(command, more).await;
    finished_logs(&host, &job).await
}
