//! The clocks of the local engine.
//!
//! The shim stamps what it sees itself, since the server may not be running then. Decisions use the monotonic clock only.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

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
