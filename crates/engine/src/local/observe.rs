//! Observing an attempt: what is true of it, read from its files and its lock.
//!
//! The order of reading gives a right answer without stopping any process. `started` comes first: its writer held the
//! lock at that time. The lock comes second: if `started` exists and the lock is free, no shim runs and none will. The
//! status comes last: the shim writes the end before it releases the lock. So the engine never reports an attempt as lost
//! that is about to start or has just ended.

use trainyard_domain::time::{Span, WallTime};

use super::{
    Inner, cannot, clock,
    dirs::AttemptDir,
    kill_method::KillMethod,
    launch::unreadable,
    local_handle, lock,
    record::{self, Phase, RecordError, Started, Status},
    signals,
};
use crate::{EngineError, Handle, Observed};

/// Observes one attempt.
pub(super) fn one(inner: &Inner, handle: &Handle) -> Result<Observed, EngineError> {
    let handle_parts = local_handle(handle)?;
    let dir = AttemptDir(handle_parts.dir);
    let started = read_started(&dir)?;
    let held = lock::is_held(&dir.lock()).map_err(cannot("check the attempt's lock"))?;
    let status: Option<Status> = match record::read(&dir.status()) {
        Ok(status) => status,
        // A damaged status counts as missing; a status of a newer version is an error.
        Err(RecordError::Damaged(_)) => None,
        Err(error) => return Err(unreadable("status.json")(error)),
    };
    match (started, status) {
        (_, Some(status)) if status.phase == Phase::Ended => Ok(ended(status)),
        (started, status) if held => {
            if let StartRecord::Valid(started) = &started {
                signals::resume_if_stopped(&dir, started);
            }
            let running = status.as_ref().map_or(Span::ZERO, clock::running);
            let (started, workers) = status.map_or((None, Vec::new()), |status| (status.started_ms, status.workers));
            Ok(Observed::Running { started, running, workers })
        }
        // The launch is written before its handle is returned. If it is missing, the files were deleted, or a backup
        // without them was restored: whether the attempt has run is unknown.
        (StartRecord::Missing, _) if dir.launch().exists() => Ok(Observed::NotStarted),
        (start, status) => {
            let (boot_id, shim) = match start {
                StartRecord::Valid(started) => (started.boot_id, Some(started.shim)),
                StartRecord::Missing | StartRecord::Unreadable => {
                    (handle_parts.boot_id, status.as_ref().and_then(|status| status.shim))
                }
            };
            let reboot = boot_id != inner.boot_id;
            let remaining = if reboot { Vec::new() } else { signals::kill_remaining(&dir, shim, &inner.control) };
            let running = match &status {
                None => Span::ZERO,
                Some(status) if reboot => clock::running_at_last_change(&dir, status),
                Some(status) => clock::running(status),
            };
            let workers = status.map_or_else(Vec::new, |status| status.workers);
            Ok(Observed::Lost { message: message(inner, &dir, reboot, &remaining), running, workers, reboot })
        }
    }
}

enum StartRecord {
    Missing,
    Valid(Started),
    Unreadable,
}

fn read_started(dir: &AttemptDir) -> Result<StartRecord, EngineError> {
    match record::read(&dir.started()) {
        Ok(None) => Ok(StartRecord::Missing),
        Ok(Some(started)) => Ok(StartRecord::Valid(started)),
        Err(RecordError::Damaged(_)) => Ok(StartRecord::Unreadable),
        Err(error) => Err(unreadable("started")(error)),
    }
}

fn ended(status: Status) -> Observed {
    Observed::Ended {
        started: status.started_ms,
        ended: status.ended_ms.unwrap_or(WallTime::from_ms(0)),
        running: status.running_ms,
        workers: status.workers,
        first_failure: status.first_failure,
        stopped: status.stopped,
    }
}

fn message(inner: &Inner, dir: &AttemptDir, reboot: bool, remaining: &[u32]) -> String {
    let what = match (reboot, dir.0.exists(), inner.control.method) {
        (true, ..) => "the host was rebooted while the attempt ran",
        (_, false, _) => "the files of this attempt are missing",
        (_, _, KillMethod::Subreaper) => {
            "the shim that supervised the workers was killed, so the server killed the processes of the attempt that it \
             could find"
        }
        _ => "the shim that supervised the workers was killed, so the server killed the processes of the attempt",
    };
    if remaining.is_empty() {
        return what.to_owned();
    }
    let pids: Vec<String> = remaining.iter().map(u32::to_string).collect();
    format!("{what}; these could not be killed: {}", pids.join(", "))
}
