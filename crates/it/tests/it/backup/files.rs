//! Backups and replaced databases as files: complete, private, never overwritten.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::json;

use super::{assert_success, command, stderr};
use crate::{
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

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
    // The first restore that got far enough has renamed the database of the server to this name.
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
async fn a_backup_is_complete_and_private_and_only_a_backup_is_restored() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let dir = daemon.data().parent().unwrap().to_owned();
    let file = dir.join("backup.db");
    assert_success(&command(&daemon.data(), &["backup", file.to_str().unwrap()]).await);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = command(&daemon.data(), &["backup", file.to_str().unwrap()]).await;
    assert!(
        !again.status.success() && stderr(&again).contains("exists already; choose another name"),
        "{}",
        stderr(&again)
    );
    let missing_directory = command(&dir.join("nothing"), &["backup", dir.join("b").to_str().unwrap()]).await;
    assert!(
        !missing_directory.status.success() && stderr(&missing_directory).contains("trainyard.db"),
        "{}",
        stderr(&missing_directory)
    );
    assert!(!dir.join("b").exists() && !dir.join("b.unfinished").exists());

    let busy = command(&daemon.data(), &["restore", file.to_str().unwrap()]).await;
    assert!(!busy.status.success() && stderr(&busy).contains("in use by a running server"), "{}", stderr(&busy));
    let backup = fs::read(&file).unwrap();
    let invalid = dir.join("odd");
    let mut changed = backup.clone();
    changed[backup.len() / 2] ^= 1;
    for (bytes, why) in [
        (b"no database at all, but long enough to be looked at".to_vec(), "not a Trainyard database"),
        (Vec::new(), "is empty"),
        (backup[..backup.len() / 2].to_vec(), "damaged"),
        (backup[..backup.len() - 1].to_vec(), "damaged"),
        (changed, "damaged"),
    ] {
        fs::write(&invalid, bytes).unwrap();
        let refused = command(&daemon.data(), &["restore", invalid.to_str().unwrap()]).await;
        assert!(!refused.status.success() && stderr(&refused).contains(why), "{why}: {}", stderr(&refused));
    }
    let directory = command(&daemon.data(), &["restore", dir.to_str().unwrap()]).await;
    assert!(!directory.status.success() && stderr(&directory).contains("is not a file"), "{}", stderr(&directory));
    let missing = command(&daemon.data(), &["restore", dir.join("missing").to_str().unwrap()]).await;
    assert!(!missing.status.success(), "{}", stderr(&missing));
    daemon.wait_until_ready().await;
}

/// The renamed database may be the only copy of some jobs, so a further restore must not overwrite it.
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
        let stdout = String::from_utf8_lossy(&restored.stdout).into_owned();
        assert_eq!(stdout.trim(), name.to_str().unwrap());
        assert!(name.exists());
    }
    assert_success(&command(&daemon.data(), &["restore", replaced.to_str().unwrap()]).await);
    daemon.start_again();
    daemon.wait_until_ready().await;
    for job in [&first, &second] {
        assert_eq!(daemon.detail(job).await["status"], "Succeeded");
    }
}
