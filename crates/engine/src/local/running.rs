//! How long an attempt has run of which no end is written down.
//!
//! By the monotonic clock, which shim and server share until the next boot, so that nobody who sets the host's clock
//! ends a job early or lets it run on.

use std::{fs, os::unix::fs::MetadataExt as _};

use super::{
    dirs::AttemptDir,
    record::Status,
    shim::clock::{monotonic_ms, wall_ms},
};

/// The time from the start of all workers until now; the host has not been started anew since.
pub(super) fn until_now(status: &Status) -> i64 {
    let monotonic = status.started_monotonic_ms.map(|start| monotonic_ms() - start);
    // Shims of older versions told the wall clock alone.
    let wall = || status.started_ms.map(|start| wall_ms() - start);
    monotonic.or_else(wall).map_or(0, |millis| millis.max(0))
}

/// The time from the start of all workers until the last sign that they have left. What lies between that and a reboot
/// left none, and the monotonic clock of that boot is gone.
pub(super) fn until_last_trace(dir: &AttemptDir, status: &Status) -> i64 {
    let files = fs::read_dir(&dir.0).into_iter().flatten();
    let changed = files.filter_map(|file| {
        let about = file.ok()?.metadata().ok()?;
        Some(about.mtime().saturating_mul(1000).saturating_add(about.mtime_nsec() / 1_000_000))
    });
    match (status.started_ms, changed.max()) {
        (Some(start), Some(last)) => last.saturating_sub(start).max(0),
        _ => 0,
    }
}
