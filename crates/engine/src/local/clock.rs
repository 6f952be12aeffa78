//! The clocks of the local engine, and how long an attempt has run.
//!
//! The shim stamps what it sees itself, since the server may not be running then. Decisions use the monotonic clock, which
//! server and shims share until the next boot.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};

use super::{dirs::AttemptDir, record::Status};

/// Unix milliseconds now.
#[expect(clippy::disallowed_methods, reason = "the shim outlives the server, so the server cannot pass it the time")]
pub(crate) fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

/// Milliseconds of the monotonic clock, the same for all processes until the next boot.
pub(crate) fn monotonic_ms() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// How long an attempt without a recorded end has run, in milliseconds. The host must not have been rebooted since its
/// start, because the monotonic clock decides: setting the host's clock neither ends a job early nor extends its time.
pub(super) fn running_ms(status: &Status) -> i64 {
    let monotonic = status.started_monotonic_ms.map(|start| monotonic_ms() - start);
    // Shims of older versions recorded only the wall clock.
    let wall = || status.started_ms.map(|start| wall_ms() - start);
    monotonic.or_else(wall).map_or(0, |millis| millis.max(0))
}

/// How long an attempt had run at the last change of its files, in milliseconds. After a reboot nothing later is known:
/// the monotonic clock of that boot is gone.
pub(super) fn running_ms_at_last_change(dir: &AttemptDir, status: &Status) -> i64 {
    let files = fs::read_dir(&dir.0).into_iter().flatten();
    let changed = files.filter_map(|file| {
        let metadata = file.ok()?.metadata().ok()?;
        Some(metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000))
    });
    match (status.started_ms, changed.max()) {
        (Some(start), Some(last)) => last.saturating_sub(start).max(0),
        _ => 0,
    }
}
