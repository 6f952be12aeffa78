//! PyTorch: plain Python, `torchrun`, and two trainings on one host.

use serde_json::json;

use super::{evidence, example, finished_logs, run, system_python_with, two_workers};
use crate::harness::{Host, ROOMY};

fn python() -> &'static str {
    system_python_with(&["torch", "sklearn"])
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_python_on_two_workers_is_one_training() {
    let command = format!("exec {} {} --epochs 12", python(), example("digits/train_ddp.py"));
    let logs = run(&command, two_workers("PyTorch", json!({}))).await;
    evidence::check(&logs);
    for (rank, log) in logs.iter().enumerate() {
        assert!(log.contains(&format!("rank {rank} of 2, PyTorch ")), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_torchrun_on_two_workers_is_one_training() {
    python();
    // Debian's PyTorch 1.13 needs these two variables under Debian's Python 3.11; later versions need none.
    let env = json!({"PET_REDIRECTS": "2", "PET_TEE": "2"});
    let command = format!("exec torchrun {} --epochs 12", example("digits/train_ddp.py"));
    let logs = run(&command, two_workers("PyTorch", env)).await;
    evidence::check(&logs);
    for (rank, log) in logs.iter().enumerate() {
        assert!(log.contains(&format!("rank {rank} of 2, PyTorch ")), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trainings_at_once_on_one_host_use_different_ports() {
    let host = Host::start(ROOMY).await;
    let command = format!("echo port=$MASTER_PORT.; exec {} {} --epochs 12", python(), example("digits/train_ddp.py"));
    let jobs = [
        host.job(&command, two_workers("PyTorch", json!({}))).await,
        host.job(&command, two_workers("PyTorch", json!({}))).await,
    ];
    let (first, second) = tokio::join!(finished_logs(&host, &jobs[0]), finished_logs(&host, &jobs[1]));
    let mut ports = Vec::new();
    for logs in [first, second] {
        evidence::check(&logs);
        let line = |log: &String| log.lines().find(|line| line.starts_with("port=")).unwrap().to_owned();
        assert_eq!(line(&logs[0]), line(&logs[1]));
        ports.push(line(&logs[0]));
    }
    assert_ne!(ports[0], ports[1]);
    let details = [host.detail(&jobs[0]).await, host.detail(&jobs[1]).await];
    let span = |index: usize| {
        let at = |key: &str| details[index][key].as_i64().unwrap();
        (at("startTimeMs"), at("endTimeMs"))
    };
    assert!(span(0).0 < span(1).1 && span(1).0 < span(0).1, "they did not run at the same time");
}
