//! Stopping and cancelling attempts. The shim does the work; the server takes over if the shim does not act in time.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use trainyard_domain::id::JobId;

use super::{
    Inner,
    begin::{self, Past, past, unreadable},
    cannot,
    dirs::{self, AttemptDir},
    durable, local_handle, lock, notify,
    record::{self, FORMAT, Phase, RecordError, Status, StopRequest},
    resume_shim,
    shim::clock::{monotonic_ms, wall_ms},
    sweep,
};
use crate::{EngineError, Handle};

/// How long workers may run beyond their grace until the server kills them without the shim, in milliseconds.
const PATIENCE_MS: i64 = 5_000;

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
        if let Past::Nothing = past(&dir)? {
            cancel_unbegun(inner, &dir)?;
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
                sweep::kill_workers(&dir, &inner.means);
            }
        }
        _ => {
            let wished_monotonic_ms = Some(monotonic_ms());
            write(&dir, StopRequest { format: FORMAT, grace_seconds, wished_monotonic_ms, is_enforced: false })?;
        }
    }
    resume_shim::resume(&dir);
    notify::poke(&dir.ctl());
    Ok(())
}

fn write(dir: &AttemptDir, wish: StopRequest) -> Result<(), EngineError> {
    let written = record::bytes(&wish).and_then(|bytes| durable::replace_without_sync(&dir.stop(), &bytes));
    match written {
        // The FIFO needs no disk space. If the message is lost, the next pass of the runner repeats the request.
        Err(error) if durable::is_full(&error) => notify::tell(&dir.ctl(), &wish.line()),
        written => written.map_err(cannot("write stop.json"))?,
    }
    Ok(())
}

/// Whether the grace and a further [`PATIENCE_MS`] are over, so that something must keep the shim from its work.
fn is_overdue(wish: StopRequest) -> bool {
    let by = |wished: i64| wished.saturating_add(i64::from(wish.grace_seconds) * 1000).saturating_add(PATIENCE_MS);
    wish.wished_monotonic_ms.is_some_and(|wished| by(wished) < monotonic_ms())
}

/// Cancels an attempt that may or may not have started; returns its handle if it has.
pub(super) fn cancel(inner: &Inner, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
    let dir = inner.attempt(job, attempt);
    durable::make_dir(&dir.0).map_err(cannot("create the attempt's directory"))?;
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if !lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        return begin::handle_of(inner, &dir).map(Some);
    }
    match past(&dir)? {
        Past::Begun => return begin::handle_of(inner, &dir).map(Some),
        Past::Nothing => cancel_unbegun(inner, &dir)?,
        Past::Cancelled => {}
    }
    Ok(None)
}

/// Records an end without a start. The caller holds the attempt's lock.
fn cancel_unbegun(inner: &Inner, dir: &AttemptDir) -> Result<(), EngineError> {
    let status = Status {
        format: FORMAT,
        boot_id: inner.boot_id.clone(),
        shim: None,
        phase: Phase::Ended,
        started_ms: None,
        started_monotonic_ms: None,
        ended_ms: Some(wall_ms()),
        running_ms: 0,
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
    if let Some((job, _)) = dir.names() {
        notify::tell(&dirs::wake(&inner.settings.data_dir), job.as_str());
    }
    Ok(())
}

/// Deletes a job's directory while holding the locks of all its attempts, so that none of them starts meanwhile.
pub(super) fn forget(inner: &Inner, job: &JobId) -> Result<(), EngineError> {
    let dir = dirs::job(&inner.settings.data_dir, job);
    let mut locks = Vec::new();
    for attempt in attempts(&dir).map_err(cannot("list the job's attempts"))? {
        let lock = lock::open(&attempt.lock()).map_err(cannot("open an attempt's lock"))?;
        // A shim that has recorded the end releases the lock a moment later and writes nothing more.
        if !lock::take(&lock).map_err(cannot("take an attempt's lock"))? && !has_ended(&attempt)? {
            return Err(EngineError::Unavailable(format!(
                "{job} is still running; its files are deleted after its end"
            )));
        }
        locks.push(lock);
    }
    remove(&dir).map_err(cannot("delete the job's files"))
}

fn has_ended(dir: &AttemptDir) -> Result<bool, EngineError> {
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    Ok(status.is_some_and(|status| status.phase == Phase::Ended))
}

/// The attempts that have a directory in this directory of a job.
pub(super) fn attempts(job: &Path) -> io::Result<Vec<AttemptDir>> {
    let entries = match fs::read_dir(job) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let dirs = entries.map(|entry| Ok(AttemptDir(entry?.path())));
    dirs.filter(|dir| dir.as_ref().map_or(true, |dir| dir.names().is_some())).collect()
}

/// Deletes a directory tree. If the job has made a directory read-only, the tree is made writable first.
fn remove(dir: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs::remove_dir_all(dir)
        }
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // The type of the entry itself, so that a symbolic link is not followed.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
