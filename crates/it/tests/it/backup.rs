//! Backups of a live server, put back while jobs run: what had begun is found or called lost, and nothing runs twice.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    caller::until,
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// Ends by itself when the file `go` lies in its directory, after it has said that it has begun.
const UNTIL_GO: &str = "echo begun >>begun; until [ -e go ]; do sleep 0.05; done; echo done";

/// One core, so that a second job waits.
const ONE_CORE: &str = "[[centre]]
id = 1
name = \"one core\"
engine = \"local\"
runtime = \"process\"
capacity = { cpu_cores = 1, memory_gb = 64, gpus = [] }
";

async fn command(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--data-dir").arg(data).env_remove("TRAINYARD_SERVER");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn work_dir(daemon: &Daemon, job: &str) -> std::path::PathBuf {
    daemon.data().join("jobs").join(job).join("work")
}

async fn wait_for_start(daemon: &Daemon, job: &str) {
    until(async || fs::read_to_string(work_dir(daemon, job).join("begun"))).await;
}

fn start_count(daemon: &Daemon, job: &str) -> usize {
    fs::read_to_string(work_dir(daemon, job).join("begun")).unwrap_or_default().lines().count()
}

async fn detail(daemon: &Daemon, job: &str) -> Value {
    daemon.get(&format!("/v1/training/instance/{job}/detail")).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_running_jobs_are_found_and_none_runs_twice() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let running = daemon.job(UNTIL_GO, json!({})).await;
    wait_for_start(&daemon, &running).await;
    let waiting = daemon.job(UNTIL_GO, json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    // After the backup the waiting job begins, and a further one is made that the backup knows nothing of.
    fs::write(work_dir(&daemon, &running).join("go"), "").unwrap();
    daemon.wait_for_end(&running).await;
    wait_for_start(&daemon, &waiting).await;
    let unknown = daemon.job("true", json!({})).await;
    daemon.kill();
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    // One had ended, the other runs: the backup says neither, the folders say both.
    assert_eq!(daemon.wait_for_end(&running).await["status"], "Succeeded");
    until(async || {
        let status = detail(&daemon, &waiting).await["status"].clone();
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
async fn a_restore_killed_at_any_moment_keeps_the_replaced_database() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let job = daemon.job("true", json!({})).await;
    daemon.wait_for_end(&job).await;
    daemon.kill();
    for wait_ms in 0..30 {
        let mut restore = Command::new(PROGRAM);
        restore.args(["restore", file.to_str().unwrap(), "--data-dir"]).arg(daemon.data());
        let mut restore = restore.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        restore.kill().unwrap();
        restore.wait().unwrap();
    }
    assert_success(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    // What the first of them that came so far has replaced.
    let replaced = daemon.data().join("trainyard.db.before-restore");
    daemon.start_again();
    daemon.wait_until_ready().await;
    let detail = format!("/v1/training/instance/{job}/detail");
    assert_eq!(daemon.get(&detail).await.status, 404);
    daemon.kill();
    assert_success(&command(&daemon.data(), &["restore", replaced.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    assert_eq!(daemon.get(&detail).await.ok()["status"], "Succeeded");
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
    assert!(work_dir(&daemon, &job).exists(), "its files are nobody's to remove");
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
    // The keys are those of the backup now.
    let other = other.with_key(&daemon.admin);
    other.wait_until_ready().await;
    let detail = other.wait_for_end(&waiting).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    assert_eq!(start_count(&other, &waiting), 0);
    fs::write(work_dir(&daemon, &running).join("go"), "").unwrap();
    daemon.wait_for_end(&running).await;
    assert_eq!(other.wait_for_end(&running).await["status"], "Succeeded", "it is found where it ran");
    assert_eq!((start_count(&daemon, &running), start_count(&other, &running)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_complete_and_private_and_only_a_backup_is_restored() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let dir = daemon.data().parent().unwrap().to_owned();
    let file = dir.join("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = command(&daemon.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(!again.status.success() && stderr(&again).contains("exists; choose another name"), "{}", stderr(&again));
    let missing_directory = command(&dir.join("nothing"), &["backup", dir.join("b").to_str().unwrap()]).await;
    assert!(
        !missing_directory.status.success() && stderr(&missing_directory).contains("trainyard.db"),
        "{}",
        stderr(&missing_directory)
    );
    assert!(!dir.join("b").exists() && !dir.join("b.unfinished").exists());

    let busy = command(&daemon.data(), &["restore", file.to_str().unwrap()]).await;
    assert!(!busy.status.success() && stderr(&busy).contains("in use by another server"), "{}", stderr(&busy));
    let whole = fs::read(&file).unwrap();
    let odd = dir.join("odd");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for (bytes, why) in [
        (b"no database at all, but long enough to be looked at".to_vec(), "no database of Trainyard"),
        (Vec::new(), "is empty"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (whole[..whole.len() - 1].to_vec(), "damaged"),
        (changed, "damaged"),
    ] {
        fs::write(&odd, bytes).unwrap();
        let refused = command(&daemon.data(), &["restore", odd.to_str().unwrap()]).await;
        assert!(!refused.status.success() && stderr(&refused).contains(why), "{why}: {}", stderr(&refused));
    }
    let directory = command(&daemon.data(), &["restore", dir.to_str().unwrap()]).await;
    assert!(!directory.status.success() && stderr(&directory).contains("is no file"), "{}", stderr(&directory));
    let missing = command(&daemon.data(), &["restore", dir.join("missing").to_str().unwrap()]).await;
    assert!(!missing.status.success(), "{}", stderr(&missing));
    daemon.wait_until_ready().await;
}

/// A copy that is all that is left of what somebody misses is never the price of another try.
#[tokio::test(flavor = "multi_thread")]
async fn each_restore_keeps_the_database_that_it_replaces() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    let empty = daemon.data().with_file_name("empty.db");
    assert_success(&command(&daemon.data(), &["backup", empty.to_str().unwrap()]).await);
    let first = daemon.job("true", json!({})).await;
    daemon.wait_for_end(&first).await;
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let second = daemon.job("true", json!({})).await;
    daemon.wait_for_end(&second).await;
    daemon.kill();
    let replaced = daemon.data().join("trainyard.db.before-restore");
    let names =
        [replaced.clone(), replaced.with_extension("before-restore-2"), replaced.with_extension("before-restore-3")];
    for (backup, name) in [&empty, &file, &empty].into_iter().zip(&names) {
        let restored = command(&daemon.data(), &["restore", backup.to_str().unwrap()]).await;
        assert_success(&restored);
        let said = String::from_utf8_lossy(&restored.stdout).into_owned();
        assert_eq!(said.trim(), name.to_str().unwrap());
        assert!(name.exists());
    }
    assert_success(&command(&daemon.data(), &["restore", replaced.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    for job in [&first, &second] {
        assert_eq!(detail(&daemon, job).await["status"], "Succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_ended_after_the_backup_do_not_run_again_and_queued_jobs_do() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let ran = daemon.data().with_file_name("ran");
    let append = |word: &str| format!("echo {word} >>{}", ran.display());
    let first = daemon.job(UNTIL_GO, json!({})).await;
    wait_for_start(&daemon, &first).await;
    let deleted = daemon.job(&append("deleted"), json!({})).await;
    let stopped = daemon.job(&append("stopped"), json!({})).await;
    let blocker = daemon.job(UNTIL_GO, json!({})).await;
    let waiting = daemon.job(&append("waiting"), json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.stop(&stopped).await.ok();
    fs::write(work_dir(&daemon, &first).join("go"), "").unwrap();
    assert_eq!(daemon.wait_for_end(&deleted).await["status"], "Succeeded");
    daemon.delete(&format!("/v1/training/instance/{deleted}/delete")).await.ok();
    daemon.delete(&format!("/v1/training/instance/{first}/delete")).await.ok();
    wait_for_start(&daemon, &blocker).await;
    daemon.kill();
    // Twice: the second takes away a backup, which says nothing of what has happened.
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
