//! How long an attempt without a recorded end has run.
//!
//! The monotonic clock decides, which server and shim share until the next boot. So setting the host's clock neither ends
//! a job early nor extends its time.

use std::{fs, os::unix::fs::MetadataExt as _};

use super::{
    dirs::AttemptDir,
    record::Status,
    shim::clock::{monotonic_ms, wall_ms},
};

/// Milliseconds from the start of all workers until now. The host must not have been rebooted since.
pub(super) fn until_now(status: &Status) -> i64 {
    let monotonic = status.started_monotonic_ms.map(|start| monotonic_ms() - start);
    // Shims of older versions recorded only the wall clock.
    let wall = || status.started_ms.map(|start| wall_ms() - start);
    monotonic.or_else(wall).map_or(0, |millis| millis.max(0))
}

/// Milliseconds from the start of all workers to the last change of the attempt's files. A reboot loses the monotonic
/// clock, and no later sign of the workers exists.
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
