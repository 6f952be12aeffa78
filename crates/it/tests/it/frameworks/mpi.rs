//! MPI: the launcher on rank 0 starts every rank, with Debian's Open MPI 4 and with Open MPI 5 from PyPI.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{evidence, example, run, system_python_with, two_workers, venv};
use crate::{
    harness::{Host, ROOMY},
    processes,
};

/// A command that prints its rank in one write, so that two lines do not mix, and then waits.
const WAIT: &str =
    r#"import os, time; from mpi4py import MPI; os.write(1, b"rank %d\n" % MPI.COMM_WORLD.rank); time.sleep(1000)"#;

fn command(bin: &str) -> String {
    let script = example("digits/train_mpi.py");
    format!("exec {bin}/mpirun -np $TRAINYARD_WORLD_SIZE {bin}/python3 {script} --epochs 15")
}

fn system() -> &'static str {
    system_python_with(&["mpi4py", "numpy", "sklearn"]);
    assert!(Path::new("/usr/bin/mpirun").exists(), "no /usr/bin/mpirun: run scripts/test-deps.sh, which installs it");
    "/usr/bin"
}

fn check(logs: &[String], version: &str) {
    evidence::check(logs);
    assert!(logs[0].contains(&format!("rank 1 of 2, Open MPI v{version}")), "{}", logs[0]);
    // All ranks write to the log of the launcher.
    assert_eq!(logs[1], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_mpi_4_finds_its_slots_by_itself() {
    check(&run(&command(system()), two_workers("MPI", json!({}))).await, "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_mpi_5_finds_its_slots_by_itself() {
    let bin = format!("{}/bin", venv("digits-mpi"));
    check(&run(&command(&bin), two_workers("MPI", json!({}))).await, "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_ranks_than_cores_start_and_finish() {
    let script = r#"import os; from mpi4py import MPI
for _ in range(300): sum = MPI.COMM_WORLD.allreduce(1)
os.write(1, b"rank %d of %d\n" % (MPI.COMM_WORLD.rank, sum))"#;
    let mut more = two_workers("MPI", json!({}));
    more["resource"]["workerCount"] = json!(4);
    let (system, pypi) = (system(), format!("{}/bin", venv("digits-mpi")));
    for bin in [system, &pypi] {
        let logs = run(&format!("exec {bin}/mpirun {bin}/python3 -c '{script}'"), more.clone()).await;
        let mut lines: Vec<&str> = logs[0].lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["rank 0 of 4", "rank 1 of 4", "rank 2 of 4", "rank 3 of 4"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_ranks_than_slots_fail_the_job() {
    let host = Host::start(ROOMY).await;
    let command = format!("exec {}/mpirun -np 3 true", system());
    let job = host.job(&command, two_workers("MPI", json!({}))).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["message"]), (&json!("Failed"), &json!("rank 0 exited with status 1")));
    let log = host.log(&job, 0).await;
    assert!(log.contains("not enough slots"), "{log}");
    assert_eq!(detail["attempts"][0]["workers"][1]["status"], "Failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_every_rank_of_the_launcher() {
    let host = Host::start(ROOMY).await;
    let bin = system();
    let command = format!("exec {bin}/mpirun -np 2 {bin}/python3 -c '{WAIT}'");
    for grace in [0, 20] {
        let mut more = two_workers("MPI", json!({}));
        more["stopGraceSeconds"] = json!(grace);
        let job = host.job(&command, more).await;
        host.wait_for_output(&job, 0, "rank 0").await;
        host.wait_for_output(&job, 0, "rank 1").await;
        assert!(processes::of_job(&job).len() >= 3);
        let asked = std::time::Instant::now();
        host.stop(&job).await.ok();
        let detail = host.wait_for_end(&job).await;
        assert_eq!(detail["status"], "Stopped", "{detail:#}");
        assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
        let left = processes::of_job(&job);
        assert!(left.is_empty(), "{:?}", processes::describe(&left));
    }
}
