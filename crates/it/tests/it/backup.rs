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
const WAITING: &str = "echo begun >>begun; until [ -e go ]; do sleep 0.05; done; echo done";

/// One core, so that a second job waits.
const NARROW: &str = "[[centre]]
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
fn worked(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn work(daemon: &Daemon, job: &str) -> std::path::PathBuf {
    daemon.data().join("jobs").join(job).join("work")
}

async fn begun(daemon: &Daemon, job: &str) {
    until(async || fs::read_to_string(work(daemon, job).join("begun"))).await;
}

fn times(daemon: &Daemon, job: &str) -> usize {
    fs::read_to_string(work(daemon, job).join("begun")).unwrap_or_default().lines().count()
}

async fn shown(daemon: &Daemon, job: &str) -> Value {
    daemon.get(&format!("/v1/training/instance/{job}/detail")).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_at_the_backup_or_began_since_is_found_again_and_nothing_runs_twice() {
    let mut daemon = Daemon::start(NARROW, &[]).await;
    let running = daemon.job(WAITING, json!({})).await;
    begun(&daemon, &running).await;
    let waiting = daemon.job(WAITING, json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    // After the backup the waiting job begins, and a further one is made that the backup knows nothing of.
    fs::write(work(&daemon, &running).join("go"), "").unwrap();
    daemon.ended(&running).await;
    begun(&daemon, &waiting).await;
    let unknown = daemon.job("true", json!({})).await;
    daemon.kill();
    worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.revive();
    daemon.answers().await;
    // One had ended, the other runs: the backup says neither, the folders say both.
    assert_eq!(daemon.ended(&running).await["status"], "Succeeded");
    until(async || {
        let status = shown(&daemon, &waiting).await["status"].clone();
        if status == "Running" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(daemon.get(&format!("/v1/training/instance/{unknown}/detail")).await.status, 404);
    fs::write(work(&daemon, &waiting).join("go"), "").unwrap();
    assert_eq!(daemon.ended(&waiting).await["status"], "Succeeded");
    assert_eq!((times(&daemon, &running), times(&daemon, &waiting)), (1, 1));
    assert_eq!(daemon.log(&waiting, 0).await, "done\n");
    let kept = daemon.data().join("trainyard.db.before-restore");
    assert!(kept.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_again_and_again_keeps_what_was_there_to_the_last_job() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let job = daemon.job("true", json!({})).await;
    daemon.ended(&job).await;
    daemon.kill();
    for wait_ms in 0..30 {
        let mut restore = Command::new(PROGRAM);
        restore.args(["restore", file.to_str().unwrap(), "--data-dir"]).arg(daemon.data());
        let mut restore = restore.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        restore.kill().unwrap();
        restore.wait().unwrap();
    }
    worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    // What the first of them that came so far has kept.
    let kept = daemon.data().join("trainyard.db.before-restore");
    daemon.revive();
    daemon.answers().await;
    let detail = format!("/v1/training/instance/{job}/detail");
    assert_eq!(daemon.get(&detail).await.status, 404);
    daemon.kill();
    worked(&command(&daemon.data(), &["restore", kept.to_str().unwrap()]).await);
    daemon.revive();
    daemon.answers().await;
    assert_eq!(daemon.get(&detail).await.ok()["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_made_after_the_backup_and_runs_is_ended_since_nobody_could_see_it() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let job = daemon.job(WAITING, json!({"stopGraceSeconds": 1})).await;
    begun(&daemon, &job).await;
    daemon.kill();
    worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.revive();
    daemon.answers().await;
    let status = daemon.data().join("jobs").join(&job).join("attempt-1/status.json");
    until(async || {
        let status: Value = serde_json::from_slice(&fs::read(&status).unwrap()).unwrap();
        if status["phase"] == "ended" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(times(&daemon, &job), 1);
    assert!(work(&daemon, &job).exists(), "its files are nobody's to remove");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_another_data_directory_nothing_is_run_that_may_have_run_where_it_comes_from() {
    let daemon = Daemon::start(NARROW, &[]).await;
    let running = daemon.job(WAITING, json!({"enableAutoRetry": true})).await;
    begun(&daemon, &running).await;
    let waiting = daemon.job("echo ran >>begun", json!({"enableAutoRetry": true})).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let mut other = Daemon::start(NARROW, &[]).await;
    other.kill();
    worked(&command(&other.data(), &["restore", file.to_str().unwrap()]).await);
    other.revive();
    // The keys are those of the backup now.
    let other = other.with_key(&daemon.admin);
    other.answers().await;
    let detail = other.ended(&waiting).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    assert_eq!(times(&other, &waiting), 0);
    fs::write(work(&daemon, &running).join("go"), "").unwrap();
    daemon.ended(&running).await;
    assert_eq!(other.ended(&running).await["status"], "Succeeded", "it is found where it ran");
    assert_eq!((times(&daemon, &running), times(&other, &running)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_private_and_never_overwrites_and_nothing_else_is_restored() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let dir = daemon.data().parent().unwrap().to_owned();
    let file = dir.join("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = command(&daemon.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(!again.status.success() && said(&again).contains("exists; choose another name"), "{}", said(&again));
    let nowhere = command(&dir.join("nothing"), &["backup", dir.join("b").to_str().unwrap()]).await;
    assert!(!nowhere.status.success() && said(&nowhere).contains("trainyard.db"), "{}", said(&nowhere));
    assert!(!dir.join("b").exists() && !dir.join("b.unfinished").exists());

    let busy = command(&daemon.data(), &["restore", file.to_str().unwrap()]).await;
    assert!(!busy.status.success() && said(&busy).contains("in use by another server"), "{}", said(&busy));
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
        assert!(!refused.status.success() && said(&refused).contains(why), "{why}: {}", said(&refused));
    }
    let directory = command(&daemon.data(), &["restore", dir.to_str().unwrap()]).await;
    assert!(!directory.status.success() && said(&directory).contains("is no file"), "{}", said(&directory));
    let missing = command(&daemon.data(), &["restore", dir.join("missing").to_str().unwrap()]).await;
    assert!(!missing.status.success(), "{}", said(&missing));
    daemon.answers().await;
}

/// A copy that is all that is left of what somebody misses is never the price of another try.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_replaces_is_kept_each_time_and_can_be_gone_back_to() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let file = daemon.data().with_file_name("backup.db");
    let empty = daemon.data().with_file_name("empty.db");
    worked(&command(&daemon.data(), &["backup", empty.to_str().unwrap()]).await);
    let first = daemon.job("true", json!({})).await;
    daemon.ended(&first).await;
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let second = daemon.job("true", json!({})).await;
    daemon.ended(&second).await;
    daemon.kill();
    let kept = daemon.data().join("trainyard.db.before-restore");
    let names = [kept.clone(), kept.with_extension("before-restore-2"), kept.with_extension("before-restore-3")];
    for (backup, name) in [&empty, &file, &empty].into_iter().zip(&names) {
        let restored = command(&daemon.data(), &["restore", backup.to_str().unwrap()]).await;
        worked(&restored);
        let said = String::from_utf8_lossy(&restored.stdout).into_owned();
        assert_eq!(said.trim(), name.to_str().unwrap());
        assert!(name.exists());
    }
    worked(&command(&daemon.data(), &["restore", kept.to_str().unwrap()]).await);
    daemon.revive();
    daemon.answers().await;
    for job in [&first, &second] {
        assert_eq!(shown(&daemon, job).await["status"], "Succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_with_since_the_backup_is_not_run_again_and_what_still_waits_is() {
    let mut daemon = Daemon::start(NARROW, &[]).await;
    let ran = daemon.data().with_file_name("ran");
    let noted = |word: &str| format!("echo {word} >>{}", ran.display());
    let first = daemon.job(WAITING, json!({})).await;
    begun(&daemon, &first).await;
    let deleted = daemon.job(&noted("deleted"), json!({})).await;
    let stopped = daemon.job(&noted("stopped"), json!({})).await;
    let blocker = daemon.job(WAITING, json!({})).await;
    let waiting = daemon.job(&noted("waiting"), json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.stop(&stopped).await.ok();
    fs::write(work(&daemon, &first).join("go"), "").unwrap();
    assert_eq!(daemon.ended(&deleted).await["status"], "Succeeded");
    daemon.delete(&format!("/v1/training/instance/{deleted}/delete")).await.ok();
    daemon.delete(&format!("/v1/training/instance/{first}/delete")).await.ok();
    begun(&daemon, &blocker).await;
    daemon.kill();
    // Twice: the second takes away a backup, which says nothing of what has happened.
    for _ in 0..2 {
        worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    }
    daemon.revive();
    daemon.answers().await;
    for job in [&deleted, &stopped, &first] {
        let detail = daemon.ended(job).await;
        assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    }
    fs::write(work(&daemon, &blocker).join("go"), "").unwrap();
    assert_eq!(daemon.ended(&waiting).await["status"], "Succeeded");
    assert_eq!(daemon.ended(&blocker).await["status"], "Succeeded");
    assert_eq!(fs::read_to_string(&ran).unwrap(), "deleted\nwaiting\n");
    assert!(!daemon.data().join("restored").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_goes_aside_and_nothing_that_it_may_have_run_is_run_again() {
    let mut daemon = Daemon::start(NARROW, &[]).await;
    let running = daemon.job(WAITING, json!({})).await;
    begun(&daemon, &running).await;
    let waiting = daemon.job("echo ran", json!({})).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.kill();
    fs::write(daemon.data().join("trainyard.db"), "no database at all, and long enough to be looked at".repeat(100))
        .unwrap();
    worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    let aside = fs::read_to_string(daemon.data().join("trainyard.db.before-restore")).unwrap();
    assert!(aside.starts_with("no database at all"));
    daemon.revive();
    daemon.answers().await;
    let detail = daemon.ended(&waiting).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")), "{detail:#}");
    fs::write(work(&daemon, &running).join("go"), "").unwrap();
    assert_eq!(daemon.ended(&running).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_somebody_stopped_since_the_backup_is_stopped_and_not_tried_again() {
    let mut daemon = Daemon::start(NARROW, &[]).await;
    let job = daemon.job(WAITING, json!({"enableAutoRetry": true, "retryDelaySeconds": 0})).await;
    begun(&daemon, &job).await;
    let file = daemon.data().with_file_name("backup.db");
    worked(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    daemon.stop(&job).await.ok();
    daemon.ended(&job).await;
    daemon.kill();
    worked(&command(&daemon.data(), &["restore", file.to_str().unwrap()]).await);
    daemon.revive();
    daemon.answers().await;
    let detail = daemon.ended(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Stopped"), &json!("StoppedByUser")), "{detail:#}");
    assert_eq!(times(&daemon, &job), 1);
}
