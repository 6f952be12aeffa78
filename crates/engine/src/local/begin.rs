//! The launch: the attempt's files, the lock, the shim.
//!
//! The lock makes it say-twice: who finds it held leaves the attempt to its holder, and who holds it looks first
//! whether the attempt has begun. It is handed to the shim as its standard input, so nobody can come in between.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Component,
};

use super::{
    Inner, cannot,
    dirs::{self, AttemptDir},
    durable, handle,
    handover::Attempt,
    kill_method::KillMethod,
    lock, notify,
    record::{self, FORMAT, LaunchRecord, Phase, RecordError, Started, Status},
    sandbox::Sandbox,
};
use crate::{EngineError, Handle, Launch};

/// Begins the attempt unless it has begun.
pub(super) fn launch(inner: &Inner, launch: Launch) -> Result<Handle, EngineError> {
    check(inner, &launch)?;
    let paths = dirs::paths(&inner.settings.data_dir, &launch.job, launch.attempt);
    for dir in [&paths.work_dir, &paths.checkpoint_dir, &paths.tmp_dir, &paths.attempt_dir] {
        durable::make_dir(dir).map_err(cannot("make the job's directories"))?;
    }
    let dir = AttemptDir(paths.attempt_dir);
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        match past(&dir)? {
            Past::Nothing => {
                sync(inner, &launch).map_err(cannot("make the job's directories"))?;
                let record = LaunchRecord {
                    format: FORMAT,
                    log_cap: inner.settings.log_cap,
                    groups: inner.means.groups(&launch.job, launch.attempt),
                    space: space(inner, &launch),
                    launch,
                };
                write_files(&dir, &record).map_err(cannot("write the attempt's files"))?;
                hand_over(inner, &record).map_err(cannot("give the job's directories to its user"))?;
                let complaints = complaints(&dir).map_err(cannot("open shim.log"))?;
                inner.starter.start(&inner.settings, &Attempt { dir: dir.0.clone(), lock, complaints })?;
            }
            Past::Begun => {}
            Past::Cancelled => {
                return Err(EngineError::Refused("this attempt was stopped before it began".to_owned()));
            }
        }
    }
    handle_of(inner, &dir)
}

/// The handle of an attempt that has begun, or that is being begun now.
pub(super) fn handle_of(inner: &Inner, dir: &AttemptDir) -> Result<Handle, EngineError> {
    let started: Option<Started> = record::read(&dir.started()).map_err(unreadable("started"))?;
    handle(dir, started.map_or_else(|| inner.boot_id.clone(), |started| started.boot_id))
}

/// What has become of an attempt that nobody is busy with; asked while holding its lock.
pub(super) enum Past {
    /// It may be begun.
    Nothing,
    /// A shim has begun it.
    Begun,
    /// It was ended before a shim could begin it.
    Cancelled,
}

/// See [`Past`].
pub(super) fn past(dir: &AttemptDir) -> Result<Past, EngineError> {
    if dir.started().try_exists().map_err(cannot("look for started"))? {
        return Ok(Past::Begun);
    }
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    match status {
        Some(status) if status.phase == Phase::Ended && status.shim.is_none() => Ok(Past::Cancelled),
        // A status of a shim without `started` is no work of ours; in doubt it has begun.
        Some(_) => Ok(Past::Begun),
        None => Ok(Past::Nothing),
    }
}

fn check(inner: &Inner, launch: &Launch) -> Result<(), EngineError> {
    let refused = |message: String| Err(EngineError::Refused(message));
    let ranks: BTreeSet<u32> = launch.workers.iter().map(|worker| worker.rank).collect();
    if ranks.len() != launch.workers.len() || !launch.workers.iter().any(|worker| worker.process) {
        return refused("a launch needs ranks that differ and at least one with a process".to_owned());
    }
    if let (Err(why), false) = (&inner.isolation, launch.mounts.is_empty()) {
        return refused(format!("storages cannot be mounted on this host: {why}"));
    }
    let dir = inner.attempt(&launch.job, launch.attempt);
    let is_below = |path: &std::path::Path| {
        path.strip_prefix(&dir.0).is_ok_and(|rest| rest.components().all(|part| matches!(part, Component::Normal(_))))
    };
    match launch.files.iter().find(|file| !is_below(&file.path)) {
        Some(file) => refused(format!("{} lies outside of the attempt's directory", file.path.display())),
        None => Ok(()),
    }
}

fn space(inner: &Inner, launch: &Launch) -> Option<Sandbox> {
    let run_as = inner.account.as_ref().map(|account| account.run_as.clone());
    let space = Sandbox {
        hidden: launch.hidden.clone(),
        sealed: launch.sealed.clone(),
        mounts: launch.mounts.clone(),
        run_as,
        own_pids: inner.means.method == KillMethod::PidNamespace,
    };
    inner.isolation.is_ok().then_some(space)
}

/// Before a worker starts, the way to the attempt's directory must survive a power cut, or `started` would lie in
/// nothing. Always, not only for directories that were made just now: the server that made them may have been killed.
fn sync(inner: &Inner, launch: &Launch) -> io::Result<()> {
    let data = &inner.settings.data_dir;
    durable::sync_dir(&dirs::jobs(data))?;
    durable::sync_dir(&dirs::job(data, &launch.job))
}

/// `launch.json` comes last, so that a shim that can read it finds everything else. None of it need survive a power cut:
/// if `started` does not either, the attempt never began and is launched anew.
fn write_files(dir: &AttemptDir, record: &LaunchRecord) -> io::Result<()> {
    for file in &record.launch.files {
        if let Some(parent) = file.path.parent() {
            durable::make_dir(parent)?;
        }
        durable::replace_without_sync(&file.path, file.text.as_bytes())?;
    }
    notify::listen(&dir.ctl())?;
    durable::replace_without_sync(&dir.launch(), &record::bytes(record)?)
}

/// What is the job's own belongs to the user as whom it runs.
fn hand_over(inner: &Inner, record: &LaunchRecord) -> io::Result<()> {
    let Some(account) = &inner.account else { return Ok(()) };
    let paths = dirs::paths(&inner.settings.data_dir, &record.launch.job, record.launch.attempt);
    let directories = [&paths.work_dir, &paths.checkpoint_dir, &paths.tmp_dir].into_iter();
    let mut all = directories.chain(record.launch.files.iter().map(|file| &file.path));
    all.try_for_each(|path| account.run_as.own(path))
}

/// A shim that could not even begin has said why here; the next one starts with an empty page.
fn complaints(dir: &AttemptDir) -> io::Result<File> {
    let path = dir.shim_log();
    if let Ok(text) = std::fs::read_to_string(&path)
        && !text.is_empty()
    {
        tracing::warn!(dir = %dir.0.display(), complaint = text.trim(), "an earlier shim of this attempt could not begin");
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// A record of a newer version, or one that the disk has damaged: neither gets better by starting the work again.
pub(super) fn unreadable(name: &'static str) -> impl Fn(RecordError) -> EngineError {
    move |error| EngineError::Unavailable(format!("{name} {error}"))
}
