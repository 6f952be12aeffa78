//! Real frameworks: two workers of one job find each other by what the launch tells them, and train one model.
//!
//! They need what `scripts/test-deps.sh` installs; their virtual environments are made by `scripts/test-venvs.sh`,
//! which the test runner starts by itself. Where one is missing a test fails and names the script.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, has_ended, until_within};

/// Debian's Python, which has Debian's PyTorch.
const PYTHON: &str = "/usr/bin/python3";

/// How long a training may take: imports alone take many seconds where others use the cores too.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where the examples lie.
fn examples() -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    std::fs::canonicalize(root).unwrap().to_string_lossy().into_owned()
}

/// A virtual environment of the tests.
fn venv(name: &str) -> String {
    let variable = format!("TRAINYARD_TEST_VENV_{name}");
    std::env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set: run scripts/test-venvs.sh and set it"))
}

/// Fails with a word of what to do where a module cannot be imported.
fn needs(python: &str, modules: &str, script: &str) {
    let tried = std::process::Command::new(python).args(["-c", &format!("import {modules}")]).output();
    let there = tried.is_ok_and(|output| output.status.success());
    assert!(there, "{python} cannot import {modules}: run {script}");
}

/// Runs a job of two workers to its end and answers what each of them printed.
async fn train(host: &Host, framework: &str, command: &str, more: Value) -> Vec<String> {
    let job = begin(host, framework, command, more).await;
    logs(host, &job).await
}

async fn begin(host: &Host, framework: &str, command: &str, more: Value) -> String {
    let mut fields = json!({
        "trainingFramwork": framework, "workDir": examples(),
        "resource": {"workerCount": 2, "cpuCores": "1", "memoryGB": "2"},
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    host.job(command, fields).await
}

async fn logs(host: &Host, job: &str) -> Vec<String> {
    let ended = until_within(PATIENCE, async || {
        let detail = host.detail(job).await;
        if has_ended(&detail) { Ok(detail) } else { Err(detail) }
    });
    let detail = ended.await;
    let logs = vec![host.log(job, 0).await, host.log(job, 1).await];
    assert_eq!(detail["status"], "Succeeded", "{detail:#}\n{}\n{}", logs[0], logs[1]);
    logs
}

/// What the training scripts print at their end: one hash of the parameters on all ranks, shards that share nothing,
/// and an accuracy that shows that something was learned.
fn check(printed: &str) {
    let words = |line: &str| line.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>();
    let mut hashes = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut samples = 0;
    let mut accuracy = 0.0;
    for line in printed.lines().map(words) {
        match line.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["rank", rank, "parameters", "sha256", hash] => drop(hashes.insert((*rank).to_owned(), (*hash).to_owned())),
            ["rank", _, "saw", count, "samples", "", "numbers", range, "of", _] => {
                samples += count.parse::<usize>().unwrap();
                let (first, last) = range.split_once('-').unwrap();
                seen.extend(first.parse::<usize>().unwrap()..=last.parse().unwrap());
            }
            ["test", "accuracy", value] => accuracy = value.parse().unwrap(),
            _ => {}
        }
    }
    assert_eq!(hashes.keys().collect::<Vec<_>>(), ["0", "1"], "{printed}");
    assert_eq!(hashes["0"], hashes["1"], "the ranks trained different models");
    assert_eq!(samples, seen.len(), "the shards overlap: {printed}");
    assert!(samples > 1000, "{printed}");
    assert!(accuracy > 0.95, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pytorch_trains_by_its_env_variables() {
    needs(PYTHON, "torch, sklearn", "scripts/test-deps.sh");
    let host = Host::start(ROOMY).await;
    let logs = train(&host, "PyTorch", &format!("{PYTHON} digits/train_ddp.py --epochs 20"), json!({})).await;
    check(&logs.concat());
}

/// A bare `torchrun` takes all that it needs from the environment. Debian's build of 1.13 needs its redirects named
/// under Python 3.11, which its own variables do.
#[tokio::test(flavor = "multi_thread")]
async fn torchrun_forms_one_group_without_a_flag() {
    needs(PYTHON, "torch, sklearn", "scripts/test-deps.sh");
    let host = Host::start(ROOMY).await;
    let command = format!("{PYTHON} -m torch.distributed.run digits/train_ddp.py --epochs 20");
    let env = json!({"env": {"PET_REDIRECTS": "2", "PET_TEE": "2"}});
    let logs = train(&host, "PyTorch", &command, env).await;
    check(&logs.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pytorch_jobs_on_one_host_do_not_meet() {
    needs(PYTHON, "torch, sklearn", "scripts/test-deps.sh");
    let host = Host::start(ROOMY).await;
    let command = format!("echo port $MASTER_PORT; exec {PYTHON} digits/train_ddp.py --epochs 20");
    let first = begin(&host, "PyTorch", &command, json!({})).await;
    let second = begin(&host, "PyTorch", &command, json!({})).await;
    let (first, second) = (logs(&host, &first).await, logs(&host, &second).await);
    check(&first.concat());
    check(&second.concat());
    let port = |logs: &[String]| logs[0].lines().next().unwrap().to_owned();
    assert_ne!(port(&first), port(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn mpi_finds_all_slots_from_rank_0() {
    let venv = venv("DIGITS_MPI");
    let host = Host::start(ROOMY).await;
    let command =
        format!("{venv}/bin/mpirun -np $TRAINYARD_WORLD_SIZE {venv}/bin/python digits/train_mpi.py --epochs 20");
    let logs = train(&host, "MPI", &command, json!({})).await;
    check(&logs[0]);
    assert_eq!(logs[1], "", "rank 1 has no process of its own, so it prints nothing by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn debians_mpi_does_too_with_more_ranks_than_cores() {
    needs(PYTHON, "mpi4py, sklearn", "scripts/test-deps.sh");
    let host = Host::start(ROOMY).await;
    let command = format!(
        "/usr/bin/mpirun -np 4 {PYTHON} -c 'from mpi4py import MPI; import sys; sys.stdout.write(f\"rank {{MPI.COMM_WORLD.rank}} of {{MPI.COMM_WORLD.allreduce(1)}}\\n\")'"
    );
    let size = json!({"resource": {"workerCount": 4, "cpuCores": "1", "memoryGB": "1"}});
    let logs = train(&host, "MPI", &command, size).await;
    let mut ranks: Vec<&str> = logs[0].lines().collect();
    ranks.sort_unstable();
    assert_eq!(ranks, ["rank 0 of 4", "rank 1 of 4", "rank 2 of 4", "rank 3 of 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tensorflow_trains_by_tf_config() {
    let venv = venv("TENSORFLOW");
    let host = Host::start(ROOMY).await;
    let command = format!("{venv}/bin/python tensorflow/train_multiworker.py --epochs 20");
    let logs = train(&host, "TensorFlow", &command, json!({})).await;
    check(&logs.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn deepspeed_trains_by_its_env_variables() {
    let venv = venv("DEEPSPEED");
    let host = Host::start(ROOMY).await;
    let command = format!("{venv}/bin/python deepspeed/train_ds.py --epochs 20");
    let logs = train(&host, "DeepSpeed", &command, json!({})).await;
    check(&logs.concat());
}
