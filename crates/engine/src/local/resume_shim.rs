//! Letting a shim go on that somebody has stopped by a signal.
//!
//! Its workers are of the same user, so they can do that by mistake or on purpose; then nobody reads their output, sees
//! their ends or hears a wish.

use rustix::process::Signal;

use super::{
    dirs::AttemptDir,
    proc::{self, ProcessId},
    record::{self, Started},
};

/// Lets the shim of this attempt go on, where it is stopped.
pub(super) fn resume(dir: &AttemptDir) {
    if let Ok(Some(started)) = record::read::<Started>(&dir.started()) {
        if_stopped(dir, &started);
    }
}

/// The same, where its record was read already.
pub(super) fn if_stopped(dir: &AttemptDir, started: &Started) {
    let id = ProcessId::from(started.shim);
    if proc::one(id.pid).is_some_and(|now| now.id == id && now.is_stopped) && proc::signal(id, Signal::CONT) {
        tracing::warn!(dir = %dir.0.display(), "somebody had stopped the process that watches over this attempt");
    }
}
