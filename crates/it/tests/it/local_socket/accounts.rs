//! Accounts of the host that the configuration maps to users, over a socket that every account can reach.

use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::process::CommandExt as _, process::Command};

use tempfile::TempDir;

use super::output_of;
use crate::{
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// The account `nobody`.
const NOBODY: u32 = 65534;

/// A server with a public socket and these accounts. `None` if the tests cannot act as other accounts.
async fn start(accounts: &str) -> Option<Daemon> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = format!("socket = {:?}\n", dir.path().join("public.sock"));
    Some(Daemon::start_in(dir, PROGRAM.into(), &format!("{socket}{accounts}{ROOMY}"), &[]).await)
}

/// Runs the command line as this account.
async fn run_as(daemon: &Daemon, uid: u32, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command.uid(uid).gid(uid).env_clear().env("HOME", "/nonexistent").current_dir("/");
    command.env("TRAINYARD_SERVER", format!("unix:{}", daemon.dir.path().join("public.sock").display()));
    command.args(args);
    output_of(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapped_account_acts_as_its_user_without_a_key() {
    let accounts = "[accounts.nobody]\nuser = \"alice\"\nproject = \"vision\"\nrole = \"member\"\n";
    let Some(daemon) = start(accounts).await else { return };
    let (code, id, err) = run_as(&daemon, NOBODY, &["job", "create", "--set", "startCommand=true"]).await;
    assert_eq!(code, 0, "{err}");
    let template = daemon.key("bob", "vision", "viewer").await;
    let detail = daemon.get(&format!("/v1/training/instance/{}/detail", id.trim())).await.ok();
    assert_eq!((&detail["createBy"], &detail["project"]), (&"alice".into(), &"vision".into()), "{template}");
    let (code, _, err) = run_as(&daemon, NOBODY, &["key", "list"]).await;
    assert!(code == 1 && err.contains("Forbidden"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_user_is_told_what_to_do() {
    let Some(daemon) = start("").await else { return };
    let (code, _, err) = run_as(&daemon, NOBODY, &["job", "list"]).await;
    assert!(code == 1 && err.contains("map nobody in [accounts]"), "{err}");
    // Root is the administrator only in the data directory, which no job can see.
    let (code, _, err) = run_as(&daemon, 0, &["job", "list"]).await;
    assert!(code == 1 && err.contains("--data-dir"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_account_is_a_user_if_the_configuration_says_so() {
    let Some(daemon) = start("[accounts.\"*\"]\nproject = \"lab\"\n").await else { return };
    let (code, id, err) = run_as(&daemon, NOBODY, &["job", "create", "--set", "startCommand=true"]).await;
    assert_eq!(code, 0, "{err}");
    let detail = daemon.get(&format!("/v1/training/instance/{}/detail", id.trim())).await.ok();
    assert_eq!((&detail["createBy"], &detail["project"]), (&"nobody".into(), &"lab".into()));
}
