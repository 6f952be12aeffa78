//! The wall clock of the local engine.
//!
//! What a shim saw must be stamped where it was seen: the server may not even be running then. Nothing is decided by
//! this time; durations come from the monotonic clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds now.
#[expect(clippy::disallowed_methods, reason = "the shim outlives the server and so cannot be told the time by it")]
pub(crate) fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}
