//! Points in time.

/// Unix milliseconds.
pub type Millis = i64;
