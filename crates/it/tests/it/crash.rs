//! What a server and its jobs survive: kills at the worst moments, a full disk, a reboot, an upgrade.

mod disk;
mod kills;
mod lost;
mod upgrade;
mod windows;

use std::path::{Path, PathBuf};

use serde_json::Value;

fn attempt_dir(data: &Path, job: &str, attempt: u32) -> PathBuf {
    data.join("jobs").join(job).join(format!("attempt-{attempt}"))
}

/// Reads a record of an attempt; `None` while it does not exist.
fn record(dir: &Path, name: &str) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(dir.join(name)).ok()?).ok()
}

/// Whether the shim of an attempt has recorded the end.
fn end_is_recorded(dir: &Path) -> bool {
    record(dir, "status.json").is_some_and(|status| status["phase"] == "ended")
}

/// Returns the pid of the shim of an attempt.
fn shim_pid(dir: &Path) -> u32 {
    let started = record(dir, "started").unwrap();
    started["shim"]["pid"].as_u64().unwrap().try_into().unwrap()
}
