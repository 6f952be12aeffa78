//! Backup of a running server and restore. A job that ran is found again or is lost; no job runs twice.

mod files;
mod jobs;

use std::{
    path::Path,
    process::{Command, Output},
};

use crate::harness::PROGRAM;

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
