//! The wish to stop, and the removal of what a job has left.

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

/// How long after the grace the workers may live before they are killed past the shim.
const PATIENCE_MS: i64 = 5_000;

/// Notes the wish and wakes the shim. An attempt that has not begun ends here and now, and so never begins.
/// Said again when the grace is long over, it kills the workers itself, and leaves it to the shim to write that down.
pub(super) fn stop(inner: &Inner, handle: &Handle, grace_seconds: u32) -> Result<(), EngineError> {
    let dir = AttemptDir(local_handle(handle)?.dir);
    if !dir.0.exists() {
        return Ok(());
    }
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        // Nobody runs it, and while the lock is held here nobody begins it.
        if let Past::Nothing = past(&dir)? {
            cancel_unbegun(inner, &dir)?;
        }
        return Ok(());
    }
    let before: Option<StopRequest> = match record::read(&dir.stop()) {
        // Who has damaged it must not have made the attempt deaf: the wish is written anew.
        Err(RecordError::Damaged(_)) => None,
        read => read.map_err(unreadable("stop.json"))?,
    };
    match before {
        Some(before) if before.grace_seconds <= grace_seconds => {
            if is_overdue(before) {
                if let Err(error) = write(&dir, StopRequest { is_enforced: true, ..before }) {
                    tracing::warn!(dir = %dir.0.display(), "{error}; its workers are killed all the same");
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
        // What goes through the FIFO needs no room. If it is lost it is said again by the next pass.
        Err(error) if durable::is_full(&error) => notify::tell(&dir.ctl(), &wish.line()),
        written => written.map_err(cannot("write stop.json"))?,
    }
    Ok(())
}

/// Whether the shim has let the grace pass and more: somebody keeps it from its work.
fn is_overdue(wish: StopRequest) -> bool {
    let by = |wished: i64| wished.saturating_add(i64::from(wish.grace_seconds) * 1000).saturating_add(PATIENCE_MS);
    wish.wished_monotonic_ms.is_some_and(|wished| by(wished) < monotonic_ms())
}

/// Ends an attempt of which nobody knows whether it has begun: its handle if it has.
pub(super) fn cancel(inner: &Inner, job: &JobId, attempt: u32) -> Result<Option<Handle>, EngineError> {
    let dir = inner.attempt(job, attempt);
    durable::make_dir(&dir.0).map_err(cannot("make the attempt's directory"))?;
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

/// Writes an end that had no beginning. The attempt's lock is held.
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
        // The attempt may have no directory but the one that was made for this.
        dir.job().map_or(Ok(()), durable::sync_dir)?;
        durable::sync_dir(&dirs::jobs(&inner.settings.data_dir))
    });
    written.map_err(cannot("write status.json"))?;
    if let Some((job, _)) = dir.names() {
        notify::tell(&dirs::wake(&inner.settings.data_dir), job.as_str());
    }
    Ok(())
}

/// Removes a job's directory, while holding the locks of all its attempts, so that none of them begins meanwhile.
pub(super) fn forget(inner: &Inner, job: &JobId) -> Result<(), EngineError> {
    let dir = dirs::job(&inner.settings.data_dir, job);
    let mut locks = Vec::new();
    for attempt in attempts(&dir).map_err(cannot("list the job's attempts"))? {
        let lock = lock::open(&attempt.lock()).map_err(cannot("open an attempt's lock"))?;
        // A shim that has written the end gives up its lock a moment later and touches nothing any more.
        if !lock::take(&lock).map_err(cannot("take an attempt's lock"))? && !has_ended(&attempt)? {
            return Err(EngineError::Unavailable(format!("{job} still runs; its files go when it has ended")));
        }
        locks.push(lock);
    }
    remove(&dir).map_err(cannot("remove the job's files"))
}

fn has_ended(dir: &AttemptDir) -> Result<bool, EngineError> {
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    Ok(status.is_some_and(|status| status.phase == Phase::Ended))
}

/// The attempts of the job in this directory.
pub(super) fn attempts(job: &Path) -> io::Result<Vec<AttemptDir>> {
    let entries = match fs::read_dir(job) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let dirs = entries.map(|entry| Ok(AttemptDir(entry?.path())));
    dirs.filter(|dir| dir.as_ref().map_or(true, |dir| dir.names().is_some())).collect()
}

/// Directories that the job has made read-only are made writable first, if need be.
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
        // The entry's own type: a link is not followed.
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
