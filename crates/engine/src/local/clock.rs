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
use trainyard_domain::time::{Span, SteadyTime, WallTime};

use super::{dirs::AttemptDir, record::Status};

/// The host's wall clock.
#[expect(clippy::disallowed_methods, reason = "the shim outlives the server, so the server cannot pass it the time")]
pub(crate) fn wall_time() -> WallTime {
    WallTime::from_ms(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    })
}

/// The monotonic clock, the same for all processes until the next boot.
pub(crate) fn steady_time() -> SteadyTime {
    let now = clock_gettime(ClockId::Monotonic);
    SteadyTime::from_ms(now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000))
}

/// How long an attempt without a recorded end has run. The host must not have been rebooted since its
/// start, because the monotonic clock decides: setting the host's clock neither ends a job early nor extends its time.
pub(super) fn running(status: &Status) -> Span {
    let monotonic = status.started_monotonic_ms.map(|start| steady_time() - start);
    // Shims of older versions recorded only the wall clock.
    let wall = || status.started_ms.map(|start| wall_time() - start);
    monotonic.or_else(wall).map_or(Span::ZERO, Span::or_zero)
}

/// How long an attempt had run at the last change of its files. After a reboot nothing later is known:
/// the monotonic clock of that boot is gone.
pub(super) fn running_at_last_change(dir: &AttemptDir, status: &Status) -> Span {
    let files = fs::read_dir(&dir.0).into_iter().flatten();
    let changed = files.filter_map(|file| {
        let metadata = file.ok()?.metadata().ok()?;
        Some(WallTime::from_ms(metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000)))
    });
    match (status.started_ms, changed.max()) {
        (Some(start), Some(last)) => (last - start).or_zero(),
        _ => Span::ZERO,
    }
}
