//! What a server and its jobs survive: being killed at the worst moments, a full disk, a reboot, an upgrade.

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

/// A record of an attempt, once it is there.
fn record(dir: &Path, name: &str) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(dir.join(name)).ok()?).ok()
}

/// Whether an attempt's shim has written its end.
fn end_is_recorded(dir: &Path) -> bool {
    record(dir, "status.json").is_some_and(|status| status["phase"] == "ended")
}

/// The shim's process.
fn shim_pid(dir: &Path) -> u32 {
    let started = record(dir, "started").unwrap();
    started["shim"]["pid"].as_u64().unwrap().try_into().unwrap()
}
