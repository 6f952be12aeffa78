//! The program file of the server is replaced while jobs run.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::{
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// Replaces the program file by a copy, as a package manager does.
fn install(program: &Path) {
    let new = program.with_extension("new");
    std::fs::copy(PROGRAM, &new).unwrap();
    std::fs::rename(new, program).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_program_adopts_the_running_jobs_of_the_old_one() {
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("trainyard");
    install(&program);
    let mut daemon = Daemon::start_in(dir, program.clone(), ROOMY, &[]).await;
    let waiting = "until [ -e go ]; do sleep 0.02; done; echo went";
    let started_before = daemon.job(waiting, json!({"resource": {"workerCount": 2}})).await;
    daemon.wait_for_status(&started_before, "Running").await;
    install(&program);
    // The old server still runs and starts new jobs.
    let started_between = daemon.job(waiting, json!({})).await;
    daemon.wait_for_status(&started_between, "Running").await;
    assert!(daemon.terminate().await.success());
    daemon.start_again();
    daemon.wait_until_ready().await;
    let started_after = daemon.job(waiting, json!({})).await;
    daemon.wait_for_status(&started_after, "Running").await;
    for job in [started_before, started_between, started_after] {
        assert_eq!(daemon.detail(&job).await["status"], "Running");
        std::fs::write(daemon.data().join("jobs").join(&job).join("work/go"), "").unwrap();
        let detail = daemon.wait_for_end(&job).await;
        assert_eq!(detail["status"], "Succeeded", "{detail:#}");
        assert_eq!(detail["attempts"].as_array().unwrap().len(), 1);
        assert_eq!(daemon.log(&job, 0).await, "went\n");
    }
}
