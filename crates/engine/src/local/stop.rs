//! Stopping and cancelling attempts. The shim does the work; the server takes over if the shim does not act in time.

use trainyard_domain::{id::JobId, time::Span};

use super::{
    Inner, cannot,
    clock::{steady_time, wall_time},
    dirs::{self, AttemptDir},
    durable,
    launch::{self, LaunchState, launch_state, unreadable},
    local_handle, lock, notify,
    record::{self, FORMAT, Phase, RecordError, Status, StopRequest},
    signals,
};
use crate::{EngineError, Handle};

/// How long workers may run beyond their grace until the server kills them without the shim.
const KILL_DELAY: Span = Span::from_ms(5_000);

/// Writes the stop request and notifies the shim. An attempt that has not started is cancelled here, so it never starts.
/// If the request is repeated long after its grace, the server kills the workers itself; the shim still records their
/// exits.
pub(super) fn stop(inner: &Inner, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
    let dir = AttemptDir(local_handle(handle)?.dir);
    if !dir.0.exists() {
        return Ok(());
    }
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        // No shim runs the attempt, and while this caller holds the lock no shim can start it.
        if let LaunchState::NotStarted = launch_state(&dir)? {
            cancel_unstarted(inner, &dir)?;
        }
        return Ok(());
    }
    let before: Option<StopRequest> = match record::read(&dir.stop()) {
        // A damaged file must not make the attempt impossible to stop, so the request is written again.
        Err(RecordError::Damaged(_)) => None,
        read => read.map_err(unreadable("stop.json"))?,
    };
    match before {
        Some(before) if before.grace_seconds <= grace_seconds => {
            if is_overdue(before) {
                if let Err(error) = write(&dir, StopRequest { is_enforced: true, ..before }) {
                    tracing::warn!(dir = %dir.0.display(), "{error}; killing the workers anyway");
                }
                signals::kill_workers(&dir, &inner.control);
            }
        }
        _ => {
            let requested_monotonic_ms = Some(steady_time());
            write(&dir, StopRequest { format: FORMAT, grace_seconds, requested_monotonic_ms, is_enforced: false })?;
        }
    }
    signals::resume_shim(&dir);
    notify::notify(&dir.ctl());
    Ok(())
}

fn write(dir: &AttemptDir, request: StopRequest) -> Result<(), EngineError> {
    let written = record::bytes(&request).and_then(|bytes| durable::replace_without_sync(&dir.stop(), &bytes));
    match written {
        // The FIFO needs no disk space. If the message is lost, the next pass of the runner repeats the request.
        Err(error) if durable::is_full(&error) => notify::send_line(&dir.ctl(), &request.line()),
        written => written.map_err(cannot("write stop.json"))?,
    }
    Ok(())
}

/// Whether the grace and a further [`KILL_DELAY`] are over, so that something must keep the shim from its work.
fn is_overdue(request: StopRequest) -> bool {
    let allowed = Span::from_seconds(i64::from(request.grace_seconds)) + KILL_DELAY;
    request.requested_monotonic_ms.is_some_and(|start| start + allowed < steady_time())
}

/// Cancels an attempt that may or may not have started; returns its handle if it has.
pub(super) fn cancel(inner: &Inner, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
    let dir = inner.attempt(job, attempt);
    durable::create_dir(&dir.0).map_err(cannot("create the attempt's directory"))?;
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if !lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        return launch::handle_of(inner, &dir).map(Some);
    }
    match launch_state(&dir)? {
        LaunchState::Started => return launch::handle_of(inner, &dir).map(Some),
        LaunchState::NotStarted => cancel_unstarted(inner, &dir)?,
        LaunchState::Cancelled => {}
    }
    Ok(None)
}

/// Records an end without a start. The caller holds the attempt's lock.
fn cancel_unstarted(inner: &Inner, dir: &AttemptDir) -> Result<(), EngineError> {
    let status = Status {
        format: FORMAT,
        boot_id: inner.boot_id.clone(),
        shim: None,
        phase: Phase::Ended,
        started_ms: None,
        started_monotonic_ms: None,
        ended_ms: Some(wall_time()),
        running_ms: Span::ZERO,
        first_failure: None,
        stopped: true,
        workers: Vec::new(),
    };
    let written = record::bytes(&status).and_then(|bytes| {
        durable::replace(&dir.status(), &bytes)?;
        // The directory of the attempt may be new, created for this record only.
        dir.job().map_or(Ok(()), durable::sync_dir)?;
        durable::sync_dir(&dirs::jobs(&inner.settings.data_dir))
    });
    written.map_err(cannot("write status.json"))?;
    if let Some((job, _)) = dir.parse() {
        notify::send_line(&dirs::wake(&inner.settings.data_dir), job.as_str());
    }
    Ok(())
}
