//! Jobs after a restore: a running job is found or ended, and no job runs twice.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{assert_success, command};
use crate::{caller::until, daemon::Daemon, harness::ROOMY};

/// Appends a line to `begun`, then runs until the file `go` exists in its work directory.
const UNTIL_GO: &str = "echo begun >>begun; until [ -e go ]; do sleep 0.05; done; echo done";

/// One core, so that a second job must wait.
const ONE_CORE: &str = "[[centre]]
id = 1
name = \"one core\"
engine = \"local\"
runtime = \"process\"
capacity = { cpu_cores = 1, memory_gb = 64, gpus = [] }
";

fn work_dir(daemon: &Daemon, job: &str) -> PathBuf {
    daemon.data().join("jobs").join(job).join("work")
}

async fn wait_for_start(daemon: &Daemon, job: &str) {
    until(async || fs::read_to_string(work_dir(daemon, job).join("begun"))).await;
}

fn start_count(daemon: &Daemon, job: &str) -> usize {
    fs::read_to_string(work_dir(daemon, job).join("begun")).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_running_jobs_are_found_and_none_runs_twice() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let running = daemon.job(UNTIL_GO, json!({})).await;
    wait_for_start(&daemon, &running).await;
    let waiting = daemon.job(UNTIL_GO, json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    // After the backup the waiting job starts, and a third job is created that is not in the backup.
    fs::write(work_dir(&daemon, &running).join("go"), "").unwrap();
    daemon.wait_for_end(&running).await;
    wait_for_start(&daemon, &waiting).await;
    let unknown = daemon.job("true", json!({})).await;
    daemon.kill();
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    // The backup knows neither that the first job ended nor that the second one runs. The job directories show both.
    assert_eq!(daemon.wait_for_end(&running).await["status"], "Succeeded");
    until(async || {
        let status = daemon.detail(&waiting).await["status"].clone();
        if status == "Running" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(daemon.get(&format!("/v1/training/instance/{unknown}/detail")).await.status, 404);
    fs::write(work_dir(&daemon, &waiting).join("go"), "").unwrap();
    assert_eq!(daemon.wait_for_end(&waiting).await["status"], "Succeeded");
    assert_eq!((start_count(&daemon, &running), start_count(&daemon, &waiting)), (1, 1));
    assert_eq!(daemon.log(&waiting, 0).await, "done\n");
    let replaced = daemon.data().join("trainyard.db.before-restore");
    assert!(replaced.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_that_the_backup_does_not_know_is_ended() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let job = daemon.job(UNTIL_GO, json!({"stopGraceSeconds": 1})).await;
    wait_for_start(&daemon, &job).await;
    daemon.kill();
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    let status = daemon.data().join("jobs").join(&job).join("attempt-1/status.json");
    until(async || {
        let status: Value = serde_json::from_slice(&fs::read(&status).unwrap()).unwrap();
        if status["phase"] == "ended" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(start_count(&daemon, &job), 1);
    assert!(work_dir(&daemon, &job).exists(), "the restore must not remove its files");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_another_data_directory_runs_no_job_again() {
    let daemon = Daemon::start(ONE_CORE, &[]).await;
    let running = daemon.job(UNTIL_GO, json!({"enableAutoRetry": true})).await;
    wait_for_start(&daemon, &running).await;
    let waiting = daemon.job("echo ran >>begun", json!({"enableAutoRetry": true})).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let mut other = Daemon::start(ONE_CORE, &[]).await;
    other.kill();
    assert_success(&command(&other.data(), &["restore", file.to_str().unwrap()]).await);
    other.start_again();
    // The restored database contains the keys of the first server.
    let other = other.with_key(&daemon.admin);
    other.wait_until_ready().await;
    let detail = other.wait_for_end(&waiting).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    assert_eq!(start_count(&other, &waiting), 0);
    fs::write(work_dir(&daemon, &running).join("go"), "").unwrap();
    daemon.wait_for_end(&running).await;
    assert_eq!(other.wait_for_end(&running).await["status"], "Succeeded", "the job is found in its own data directory");
    assert_eq!((start_count(&daemon, &running), start_count(&other, &running)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_ended_after_the_backup_do_not_run_again_and_queued_jobs_do() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    // A working directory in `/tmp` stays visible; nothing else there does.
    let shared = daemon.data().with_file_name("shared");
    fs::create_dir(&shared).unwrap();
    let (ran, append) = (shared.join("ran"), |word: &str| format!("echo {word} >>ran"));
    let more = || json!({"workDir": shared});
    let first = daemon.job(UNTIL_GO, json!({})).await;
    wait_for_start(&daemon, &first).await;
    let deleted = daemon.job(&append("deleted"), more()).await;
    let stopped = daemon.job(&append("stopped"), more()).await;
    let blocker = daemon.job(UNTIL_GO, json!({})).await;
    let waiting = daemon.job(&append("waiting"), more()).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.stop(&stopped).await.ok();
    fs::write(work_dir(&daemon, &first).join("go"), "").unwrap();
    assert_eq!(daemon.wait_for_end(&deleted).await["status"], "Succeeded");
    daemon.delete(&format!("/v1/training/instance/{deleted}/delete")).await.ok();
    daemon.delete(&format!("/v1/training/instance/{first}/delete")).await.ok();
    wait_for_start(&daemon, &blocker).await;
    daemon.kill();
    // Restored twice: the second restore replaces a database that is itself the backup and knows nothing of
    // the later events.
    for _ in 0..2 {
        assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    }
    daemon.start_again();
    daemon.wait_until_ready().await;
    for job in [&deleted, &stopped, &first] {
        let detail = daemon.wait_for_end(job).await;
        assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    }
    fs::write(work_dir(&daemon, &blocker).join("go"), "").unwrap();
    assert_eq!(daemon.wait_for_end(&waiting).await["status"], "Succeeded");
    assert_eq!(daemon.wait_for_end(&blocker).await["status"], "Succeeded");
    assert_eq!(fs::read_to_string(&ran).unwrap(), "deleted\nwaiting\n");
    assert!(!daemon.data().join("restored").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_renamed_and_its_jobs_do_not_run_again() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let running = daemon.job(UNTIL_GO, json!({})).await;
    wait_for_start(&daemon, &running).await;
    let waiting = daemon.job("echo ran", json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.kill();
    fs::write(daemon.data().join("trainyard.db"), "no database at all, and long enough to be looked at".repeat(100))
        .unwrap();
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    let renamed = fs::read_to_string(daemon.data().join("trainyard.db.before-restore")).unwrap();
    assert!(renamed.starts_with("no database at all"));
    daemon.start_again();
    daemon.wait_until_ready().await;
    let detail = daemon.wait_for_end(&waiting).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    fs::write(work_dir(&daemon, &running).join("go"), "").unwrap();
    assert_eq!(daemon.wait_for_end(&running).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_stopped_after_the_backup_stays_stopped() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let job = daemon.job(UNTIL_GO, json!({"enableAutoRetry": true, "retryDelaySeconds": 0})).await;
    wait_for_start(&daemon, &job).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.stop(&job).await.ok();
    daemon.wait_for_end(&job).await;
    daemon.kill();
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Stopped"), &json!("StoppedByUser")), "{detail:#}");
    assert_eq!(start_count(&daemon, &job), 1);
}
